"""`highway experiment`: try other settings of the learner side by side, and say which are the best."""

from typing import Annotated

import typer

from infra.cli.console import stages
from infra.cli.train import declared, run_declared
from infra.contracts.errors import HighwayError
from infra.contracts.pipelines import TRIALS_VARIABLE
from infra.contracts.workload import Pipeline
from infra.local.home import Home
from infra.local.storage import platform_outputs
from infra.operations.pipelines.artifacts import ArtifactStore
from infra.operations.pipelines.report import PipelineRun

PIPELINE = "experiment"
REPORT = "report"  # the artifact: report.json for programs, report.txt for people


def command(
    trials: Annotated[int | None, typer.Option(min=1, help="How many; default: what the configuration says.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print all trials as JSON.")] = False,
) -> None:
    """Search for better settings: each trial is a job, and a run in MLflow. What is known is not tried again."""
    home = Home.from_environment()
    pipeline = with_trials(declared(home, PIPELINE), trials)
    with stages() as shown, shown.stage("experiment") as stage:
        run = run_declared(home, pipeline, stage)
    uri = platform_outputs(home).storage.data_uri  # where it was run, whatever the environment says
    print(report_of(uri, run, "report.json" if json_output else "report.txt"), end="")


def with_trials(pipeline: Pipeline, trials: int | None) -> Pipeline:
    """The pipeline with another number of trials. Raises `HighwayError` when none of its steps takes one."""
    if trials is None:
        return pipeline
    steps = tuple(
        step.model_copy(update={"environment": {**step.environment, TRIALS_VARIABLE: str(trials)}})
        if TRIALS_VARIABLE in step.environment
        else step
        for step in pipeline.steps
    )
    if not any(TRIALS_VARIABLE in step.environment for step in steps):
        raise HighwayError(
            f"no step of {pipeline.name} takes a number of trials ({TRIALS_VARIABLE}); leave out --trials"
        )
    return pipeline.model_copy(update={"steps": steps})


def report_of(uri: str, run: PipelineRun, name: str) -> str:
    """What its step wrote for whoever asked. Raises `HighwayError`."""
    digest = next((step.outputs[REPORT] for step in run.steps if REPORT in step.outputs), None)
    if digest is None:
        raise HighwayError(f"{run.pipeline} makes no artifact {REPORT!r}, so there is nothing to show")
    return (ArtifactStore(uri, run.pipeline).path_of(digest) / name).read_text()
