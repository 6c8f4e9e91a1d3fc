"""Run a past run's steps again, where nothing of that run is, and say what became of them."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import computed_field

from infra.contracts import bundle
from infra.contracts.bundle import BundleError
from infra.contracts.clock import SystemClock
from infra.contracts.workload import Strict
from infra.operations.pipelines.artifacts import ArtifactStore
from infra.operations.pipelines.records import RunRecord
from infra.operations.pipelines.report import PipelineRun, Progress, StepRun, StepStatus
from infra.operations.pipelines.run import run_pipeline
from infra.operations.pipelines.subprocess_jobs import SubprocessJobs
from infra.operations.reproduction import environment
from infra.operations.reproduction.checkout import NotReproducibleError
from infra.operations.reproduction.comparison import Comparison, Kept, compare_artifact, compare_bundle, state_of
from infra.operations.reproduction.plan import Plan, plan


class Reproduction(Strict):
    """What `highway reproduce` found out. `left_out` says why of each step; `failures` are lines for a person."""

    run_id: str
    pipeline: str
    commit: str
    python: str
    again: tuple[str, ...]
    taken: tuple[str, ...]
    left_out: dict[str, str]
    failures: tuple[str, ...]
    artifacts: tuple[Comparison, ...]

    @computed_field  # type: ignore[prop-decorator]  # as pydantic has it
    @property
    def is_same(self) -> bool:
        return not self.failures and all(artifact.is_equal for artifact in self.artifacts)


@dataclass(frozen=True)
class Place:
    """The clean folder of one reproduction."""

    folder: Path

    @property
    def repo(self) -> Path:
        return self.folder / "repo"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def storage_uri(self) -> str:
        return (self.folder / "storage").as_uri()


def plan_of(record: RunRecord, storage_uri: str) -> Plan:
    """Raises `NotReproducibleError` when what it has to take is gone, or nothing of it can run again."""
    store = ArtifactStore(storage_uri, record.pipeline.name)
    for step in record.pipeline.steps:
        if step.is_volatile:
            for name, digest in record.outputs[step.name].items():
                if (state := state_of(store, digest)) is not Kept.WHOLE:
                    raise NotReproducibleError(
                        f"the recorded {name} is {state}, and nobody can make it again: {step.name} looked at "
                        "something outside; reproduce another run"
                    )
    made = {name: digest for outputs in record.outputs.values() for name, digest in outputs.items()}
    planned = plan(record.pipeline, {name: store.uri_of(digest) for name, digest in made.items()})
    if not planned.again:
        raise NotReproducibleError(f"no step of {record.pipeline.name} can run again: each needs a secret")
    return planned


def replay(planned: Plan, place: Place, record: RunRecord, python: Path, progress: Progress) -> PipelineRun:
    """`python` is that of the run's own environment. Raises what `run_pipeline` raises."""
    jobs = SubprocessJobs(
        folder=place.repo,
        logs=place.logs,
        environment=environment.variables(place.home),
        python=python,
    )
    return run_pipeline(
        planned.pipeline,
        jobs=jobs,
        storage_uri=place.storage_uri,
        lineage=record.lineage,
        clock=SystemClock(),
        progress=progress,
    )


def judge(  # noqa: PLR0913 - the past and the present of one run
    record: RunRecord, planned: Plan, run: PipelineRun, place: Place, *, storage_uri: str, bundles: Path
) -> Reproduction:
    """Hold what `run` made against what `record` says was made."""
    stores = (ArtifactStore(storage_uri, record.pipeline.name), ArtifactStore(place.storage_uri, record.pipeline.name))
    steps = [step for step in run.steps if step.step in planned.again]
    made = {name: digest for step in steps for name, digest in step.outputs.items()}
    compared = [
        compare_artifact(name, digest, made.get(name), stores)
        for step in steps
        for name, digest in record.outputs[step.step].items()
    ]
    failures = [_failure(step) for step in run.steps if step.status is StepStatus.FAILED]
    if record.result and record.result.digest:
        try:
            files = bundle.fetch(bundles, record.result.digest)
        except BundleError as error:
            failures.append(str(error))
        else:
            compared += compare_bundle(files, [stores[1].path_of(digest) for digest in made.values()])
    return Reproduction(
        run_id=record.run_id,
        pipeline=record.pipeline.name,
        commit=record.lineage.commit,
        python=platform.python_version(),
        again=planned.again,
        taken=planned.taken,
        left_out=planned.left_out,
        failures=tuple(failures),
        artifacts=tuple(compared),
    )


def _failure(step: StepRun) -> str:
    """With the last line of its log, for the log may be gone when this is read."""
    last = step.attempts[-1]
    lines: Sequence[str] = last.log.read_text(errors="replace").split("\n") if last.log else ()
    said = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    return f"{step.step} failed: {last.reason}: {said}"
