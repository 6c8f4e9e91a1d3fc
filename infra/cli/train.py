"""`highway train`: run the declared training pipeline; what is unchanged is not run again."""

from collections.abc import Sequence
from typing import Annotated

import typer
from pydantic import ValidationError

from infra.cli.console import Stage, out, stages
from infra.contracts.clock import clock_from_environment
from infra.contracts.errors import HighwayError
from infra.contracts.workload import Pipeline
from infra.local.home import Home
from infra.local.jobs import SupervisedJobs
from infra.local.ledger import ledger_client
from infra.local.storage import platform_outputs
from infra.operations.pipelines.lineage import lineage_of
from infra.operations.pipelines.report import Attempt, PipelineRun, StepRun
from infra.operations.pipelines.run import run_pipeline
from infra.operations.pipelines.summary import summary_of

PIPELINE = "train"
CODE = ("pipelines", "infra/contracts")
LOCK = "requirements/highway.lock"


def command(
    json_output: Annotated[bool, typer.Option("--json", help="Print the run as JSON.")] = False,
) -> None:
    """Train on the highway: from what was delivered to a registered model."""
    home = Home.from_environment()
    try:
        with stages() as shown, shown.stage("train") as stage:
            run = train(home, stage)
    except RunFailedError as error:
        if json_output:
            print(summary_of(error.run).model_dump_json())
        raise
    if json_output:
        print(summary_of(run).model_dump_json())
    else:
        for step in run.steps:
            out.print(step.summary, highlight=False, markup=False)


class RunFailedError(HighwayError):
    """Steps failed; a line for each, with reason and log."""

    def __init__(self, run: PipelineRun) -> None:
        super().__init__("\n".join(step.summary for step in run.steps if not step.is_success))
        self.run = run


class RunBar:
    """Draws a run on one bar (`infra.operations.pipelines.report.Progress`)."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def run_started(self, run_id: str, steps: Sequence[str]) -> None:
        self._stage.expect(len(steps))

    def step_started(self, step: str) -> None:
        self._stage.tell(step)

    def attempt_failed(self, step: str, attempt: Attempt, *, is_last: bool) -> None:
        self._stage.tell(f"{step}: {attempt.reason}" + ("" if is_last else "; trying again"))

    def partition_ended(self, step: str, run: StepRun, *, ended: int, of: int) -> None:
        self._stage.tell(f"{step}: {ended} of {of} partitions")

    def step_ended(self, run: StepRun) -> None:
        self._stage.advance()


def train(home: Home, stage: Stage) -> PipelineRun:
    """Raises as `run_declared`."""
    return run_declared(home, declared(home, PIPELINE), stage)


def declared(home: Home, name: str) -> Pipeline:
    """What Pulumi declared under `name`. Raises `HighwayError`."""
    path = home.pipelines / f"{name}.json"
    if not path.exists():
        raise HighwayError(f"no pipeline {name} is declared on this highway; run `highway up` first")
    try:
        return Pipeline.model_validate_json(path.read_text())
    except ValidationError as error:
        raise HighwayError(f"{path} is no pipeline of this version of the highway; run `highway up`") from error


def run_declared(home: Home, pipeline: Pipeline, stage: Stage) -> PipelineRun:
    """Run it on the highway. Raises `RunFailedError` when a step failed."""
    platform = platform_outputs(home)
    run = run_pipeline(
        pipeline,
        jobs=SupervisedJobs(home),
        storage_uri=platform.storage.data_uri,
        lineage=lineage_of(home.repo, code=CODE, lock=LOCK),
        clock=clock_from_environment(),
        ledger=ledger_client(home, platform),
        progress=RunBar(stage),
    )
    if not run.is_success:
        raise RunFailedError(run)
    stage.finish("nothing changed" if run.is_unchanged else f"{len(run.steps)} steps passed")
    return run
