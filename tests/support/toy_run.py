"""Runs toy pipelines in a folder, with a ledger that remembers."""

import dataclasses
from pathlib import Path

from infra.contracts.clock import SystemClock
from infra.contracts.events import AnyEvent
from infra.contracts.workload import Pipeline
from infra.operations.pipelines.artifacts import ArtifactStore
from infra.operations.pipelines.lineage import Lineage
from infra.operations.pipelines.report import PipelineRun, Progress, StepStatus
from infra.operations.pipelines.run import KEEP_RUNS, run_pipeline
from infra.operations.pipelines.subprocess_jobs import SubprocessJobs
from tests.support.toy_pipeline import LINEAGE


@dataclasses.dataclass
class Recorder:
    events: list[AnyEvent] = dataclasses.field(default_factory=list)

    def keep(self, event: AnyEvent) -> None:
        self.events.append(event)

    def record(self, event: AnyEvent) -> bool:
        self.keep(event)
        return True


@dataclasses.dataclass(frozen=True)
class Toy:
    """Everything of it is in `folder`."""

    folder: Path

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    @property
    def storage_uri(self) -> str:
        return (self.folder / "storage").as_uri()

    def ran(self) -> list[str]:
        """The steps that ran since the last time this was asked."""
        names = self.journal.read_text().split() if self.journal.exists() else []
        self.journal.unlink(missing_ok=True)
        return names

    def run(
        self,
        spec: Pipeline,
        *,
        lineage: Lineage = LINEAGE,
        ledger: Recorder | None = None,
        progress: Progress | None = None,
        parallel_steps: int | None = None,
        keep_runs: int = KEEP_RUNS,
    ) -> PipelineRun:
        return run_pipeline(
            spec,
            jobs=SubprocessJobs(folder=self.folder, logs=self.folder / "logs"),
            storage_uri=self.storage_uri,
            lineage=lineage,
            clock=SystemClock(),
            ledger=ledger,
            progress=progress,
            parallel_steps=parallel_steps,
            retry_wait_seconds=0.01,
            keep_runs=keep_runs,
        )

    def artifact(self, run: PipelineRun, name: str) -> Path:
        digest = next(step.outputs[name] for step in run.steps if name in step.outputs)
        return ArtifactStore(self.storage_uri, run.pipeline).path_of(digest)


def statuses(run: PipelineRun) -> list[StepStatus]:
    return [step.status for step in run.steps]
