"""What an experiment tries, in which order, and what it says of it."""

import importlib.util
from typing import Any

import pytest
from pydantic import ValidationError

from infra.contracts.graph import producers
from infra.contracts.outputs import RegistryOutputs
from infra.contracts.pipelines import TRIALS_VARIABLE
from pipelines.flights.conf import FlightsConf
from pipelines.flights.experiment.conf import ExperimentConf
from pipelines.flights.experiment.pipeline import DATA_STEPS, experiment_pipeline
from pipelines.flights.experiment.plan import trial_name
from pipelines.flights.experiment.report import compared, text
from pipelines.flights.pipeline import training_pipeline
from tests.support.platform_outputs import PLATFORM

CURRENT = FlightsConf.from_file().learner


def conf(**changes: Any) -> ExperimentConf:
    return ExperimentConf.model_validate({**ExperimentConf.from_file().model_dump(), **changes})


def score(auc: float, iterations: int, *, is_current: bool = False) -> dict[str, Any]:
    return {
        "params": {"iterations": iterations, "seed": 1},
        "is_current": is_current,
        "scored": {"month": "2013-08", "rows": 28756},
        "metrics": {"auc": auc, "log_loss": 0.5, "brier": 0.1},
    }


def test_the_current_settings_come_first_and_none_is_tried_twice() -> None:
    chosen = conf().chosen(CURRENT)
    assert chosen[0] == CURRENT
    assert len(chosen) == len({trial_name(learner) for learner in chosen}) == 13


@pytest.mark.parametrize("search", ["random", "grid"])
def test_more_trials_begin_with_those_that_are_known(search: str) -> None:
    few, many = (conf(search=search).chosen(CURRENT, trials) for trials in (5, 20))
    assert many[: len(few)] == few


def test_a_seed_gives_the_same_trials_and_another_gives_others() -> None:
    assert conf(seed=1).chosen(CURRENT) == conf(seed=1).chosen(CURRENT) != conf(seed=2).chosen(CURRENT)


def test_a_small_space_gives_all_that_it_holds() -> None:
    chosen = conf(space={"iterations": [CURRENT.iterations, 7]}, trials=50).chosen(CURRENT)
    assert [learner.iterations for learner in chosen] == [CURRENT.iterations, 7]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"space": {"depth": [3]}}, "space has \\['depth'\\], which the learner has not"),
        ({"space": {"iterations": []}}, "no value for \\['iterations'\\]"),
        ({"trials": 0}, "trials"),
        ({"search": "hope"}, "search"),
    ],
)
def test_a_wrong_configuration_is_refused_by_its_key(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        conf(**change)


def test_a_value_that_the_learner_does_not_take_is_refused() -> None:
    with pytest.raises(ValidationError, match="learning_rate"):
        conf(space={"learning_rate": [7]}).chosen(CURRENT)


def test_steps_fit_together_and_what_is_tried_reaches_only_the_plan() -> None:
    registry = RegistryOutputs.model_validate(PLATFORM["registry"])
    training = training_pipeline(FlightsConf.from_file(), registry, "file:///data")
    spec = experiment_pipeline(training, conf())
    assert {"trials", "scores", "report", "features"} <= set(producers(spec))
    assert all(importlib.util.find_spec(step.command[-1]) for step in spec.steps)
    assert [step.name for step in spec.steps if TRIALS_VARIABLE in step.environment] == ["plan"]
    assert spec.parameters == training.parameters
    by_name = {step.name: step for step in spec.steps}
    assert all(by_name[name] in training.steps for name in DATA_STEPS)


def test_the_best_is_told_with_the_lines_that_take_it_over() -> None:
    report = compared({"a": score(0.70, 200, is_current=True), "b": score(0.72, 100), "c": score(0.71, 300)})
    assert [trial["name"] for trial in report["trials"]] == ["b", "c", "a"]
    assert (report["best"], report["changes"]) == ("b", {"iterations": 100})
    assert report["gain"] == pytest.approx(0.02)
    assert text(report).splitlines() == [
        "3 trials, scored on 2013-08 (28,756 flights)",
        "   AUC  log loss   Brier  iterations",
        "0.7200    0.5000  0.1000         100",
        "0.7100    0.5000  0.1000         300",
        "0.7000    0.5000  0.1000         200  current",
        "the best gains +0.0200 AUC over the current settings; to take it over, write into",
        "pipelines/confs/flights.yaml, then `highway up`:",
        "learner:",
        "  iterations: 100",
    ]


def test_settings_that_nothing_beats_stay() -> None:
    report = compared({"a": score(0.70, 200, is_current=True), "b": score(0.70, 100)})
    assert report["best"] == "a", "of equals the one that was planned first"
    assert text(report).endswith("the current settings are the best of these\n")
