"""A search on all flights: side by side, tracked, and nothing twice."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from infra.cli.experiment import report_of, with_trials
from infra.operations.pipelines.report import PipelineRun, StepStatus
from pipelines.flights.conf import FlightsConf
from pipelines.flights.experiment.conf import ExperimentConf
from pipelines.flights.experiment.pipeline import experiment_pipeline
from pipelines.flights.model.registry import connect
from tests.support.training import PASSWORD, execute, registry, spec_for


def tracked(client: MlflowClient) -> dict[str, dict[str, float]]:
    """Metrics of each finished run, by its trial."""
    experiment = client.get_experiment_by_name("flight-delay-search")
    assert experiment
    runs = client.search_runs([experiment.experiment_id])
    assert len({run.data.tags["trial"] for run in runs}) == len(runs)
    return {run.data.tags["trial"]: run.data.metrics for run in runs}


def trials_that_ran(run: PipelineRun) -> int:
    step = next(each for each in run.steps if each.step == "trial")
    return sum(part.status is StepStatus.PASSED for part in step.partitions.values())


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_trials_are_tracked_and_only_new_ones_run(tmp_path: Path) -> None:
    conf = FlightsConf.from_file()
    small = conf.learner.model_copy(update={"iterations": 10})
    tried = ExperimentConf(trials=2, search="grid", seed=1, space={"iterations": [2, 5, 20]})
    with registry(tmp_path) as url:
        training = spec_for(tmp_path, url, conf.model_copy(update={"learner": small}))
        spec = experiment_pipeline(training, tried)
        first = execute(spec, tmp_path)
        assert first.is_success, first.summary
        assert trials_that_ran(first) == 3
        client = connect(url, "highway", PASSWORD)
        known = tracked(client)
        assert len(known) == 3

        assert execute(spec, tmp_path).is_unchanged
        assert tracked(client) == known

        more = execute(with_trials(spec, 3), tmp_path)
        assert more.is_success, more.summary
        assert trials_that_ran(more) == 1
        assert {name: metrics for name, metrics in tracked(client).items() if name in known} == known
        assert len(tracked(client)) == 4
        said = report_of((tmp_path / "storage").as_uri(), more, "report.txt")
    assert said.startswith("4 trials, scored on 2013-08 ")
    assert said.endswith("learner:\n  iterations: 20\n"), said
    assert conf.holdout_month not in said, "the held-out month is not looked at"
