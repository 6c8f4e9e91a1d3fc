"""Run a pipeline to its end, from wherever an earlier run of it stopped."""

import os
import threading
import uuid
from dataclasses import asdict

from pydantic import AwareDatetime, ValidationError

from infra.contracts.clock import Clock
from infra.contracts.files import write_atomically
from infra.contracts.graph import producers
from infra.contracts.jobs import JobRunner
from infra.contracts.pipelines import RESULT_ARTIFACT, RESULT_FILE, PipelineResult
from infra.contracts.runs import RunLineage, RunRecord
from infra.contracts.workload import Pipeline, Strict
from infra.operations.pipelines.artifacts import ArtifactStore
from infra.operations.pipelines.evidence import Ledger, training_event
from infra.operations.pipelines.lineage import Lineage
from infra.operations.pipelines.lock import sole_run
from infra.operations.pipelines.records import write_record
from infra.operations.pipelines.report import PipelineRun, Progress, Silent, StepRun
from infra.operations.pipelines.schedule import Schedule
from infra.operations.pipelines.steps import StepRunner

LATEST_FILE = "latest.json"


class LatestRun(Strict):
    """The last run that passed, as `latest_run` finds it."""

    run_id: str
    commit: str
    finished_at: AwareDatetime
    result: PipelineResult | None


def run_pipeline(  # noqa: PLR0913 - one call with everything that the outside gives
    pipeline: Pipeline,
    *,
    jobs: JobRunner,
    storage_uri: str,
    lineage: Lineage,
    clock: Clock,
    ledger: Ledger | None = None,
    progress: Progress | None = None,
    parallel_steps: int | None = None,
    retry_wait_seconds: float = 1.0,
) -> PipelineRun:
    """Run each step once all that it needs has passed; independent steps side by side, `parallel_steps` at most
    (one a core unless told). A step whose key is known does not run; a failed one blocks only what needs it.

    Whether the run passed is in what is returned. Raises `GraphError` or `StorageError` for what cannot be run,
    `PipelineBusyError` while another run of it is under way, and `KeyboardInterrupt` after ending its jobs.
    """
    producers(pipeline)
    started_at = clock.now()
    run_id = f"{started_at:%Y%m%dt%H%M%S}-{uuid.uuid4().hex[:6]}"
    store = ArtifactStore(storage_uri, pipeline.name)
    told = progress or Silent()
    with sole_run(store.home, pipeline.name, run_id, started_at):
        store.clear_staging()
        told.run_started(run_id, [step.name for step in pipeline.in_order()])
        runner = StepRunner(
            pipeline=pipeline,
            run_id=run_id,
            jobs=jobs,
            store=store,
            lineage=lineage,
            progress=told,
            stop=threading.Event(),
            retry_wait_seconds=retry_wait_seconds,
        )
        schedule = Schedule(runner, clock, ledger)
        schedule.run(parallel_steps or os.cpu_count() or 1)
        steps = tuple(schedule.ended[step.name] for step in pipeline.in_order())
        run = PipelineRun(
            run_id=run_id,
            pipeline=pipeline.name,
            started_at=started_at,
            finished_at=clock.now(),
            steps=steps,
            result=_result(store, steps),
        )
        if run.is_success:
            latest = LatestRun(run_id=run_id, commit=lineage.commit, finished_at=run.finished_at, result=run.result)
            write_record(storage_uri, _record(run, pipeline, lineage))
            write_atomically(store.home / LATEST_FILE, latest.model_dump_json())
        store.clear_staging()
    if ledger:
        ledger.record(training_event(run, lineage=lineage, clock=clock))
    return run


def latest_run(storage_uri: str, pipeline: str) -> LatestRun | None:
    """The last run that passed; None when there was none, or it was told by another version of this program.

    Raises `StorageError` for a URI it cannot read."""
    try:
        return LatestRun.model_validate_json((ArtifactStore(storage_uri, pipeline).home / LATEST_FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _record(run: PipelineRun, pipeline: Pipeline, lineage: Lineage) -> RunRecord:
    return RunRecord(
        run_id=run.run_id,
        pipeline=pipeline,
        lineage=RunLineage.model_validate(asdict(lineage)),
        started_at=run.started_at,
        finished_at=run.finished_at,
        outputs={step.step: dict(step.outputs) for step in run.steps},
        result=run.result,
    )


def _result(store: ArtifactStore, steps: tuple[StepRun, ...]) -> PipelineResult | None:
    if not all(step.is_success for step in steps):
        return None
    digest = next((step.outputs[RESULT_ARTIFACT] for step in steps if RESULT_ARTIFACT in step.outputs), None)
    return PipelineResult.model_validate_json((store.path_of(digest) / RESULT_FILE).read_bytes()) if digest else None
