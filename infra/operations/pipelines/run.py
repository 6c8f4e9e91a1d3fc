"""Run a pipeline to its end, from wherever an earlier run of it stopped."""

import contextlib
import os
import threading
import uuid
from collections.abc import Iterator

from infra.contracts.clock import Clock
from infra.contracts.graph import producers
from infra.contracts.jobs import JobRunner
from infra.contracts.pipelines import RESULT_ARTIFACT, RESULT_FILE, PipelineResult
from infra.contracts.workload import Pipeline
from infra.operations.pipelines.artifacts import ArtifactStore, StorageError
from infra.operations.pipelines.evidence import Evidence, Ledger
from infra.operations.pipelines.lineage import Lineage
from infra.operations.pipelines.lock import sole_run
from infra.operations.pipelines.pruning import prune
from infra.operations.pipelines.records import write_record
from infra.operations.pipelines.report import PipelineRun, Progress, Silent, StepRun
from infra.operations.pipelines.schedule import Schedule
from infra.operations.pipelines.steps import StepRunner

KEEP_RUNS = 20


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
    keep_runs: int = KEEP_RUNS,
) -> PipelineRun:
    """Run each step once all that it needs has passed; independent steps side by side, `parallel_steps` at most
    (one a core unless told). A step whose key is known does not run; a failed one blocks only what needs it.
    What only runs before the last `keep_runs` made is removed once this one has passed.

    Whether the run passed is in what is returned. Raises `GraphError` or `StorageError` for what cannot be run,
    `PipelineBusyError` while another run of it is under way, and `KeyboardInterrupt` after ending its jobs.
    """
    producers(pipeline)
    started_at = clock.now()
    run_id = f"{started_at:%Y%m%dt%H%M%S}-{uuid.uuid4().hex[:6]}"
    store = ArtifactStore(storage_uri, pipeline.name)
    told = progress or Silent()
    evidence = Evidence(run_id=run_id, pipeline=pipeline.name, lineage=lineage, clock=clock, ledger=ledger)
    runner = StepRunner(
        pipeline=pipeline,
        run_id=run_id,
        jobs=jobs,
        store=store,
        lineage=lineage,
        progress=told,
        stop=threading.Event(),
        retry_wait_seconds=retry_wait_seconds,
        parallel_steps=parallel_steps or os.cpu_count() or 1,
    )
    with _one_line(pipeline.name), sole_run(store.home, pipeline.name, run_id, started_at), _told_if_given_up(evidence):
        store.clear_staging()
        evidence.started()
        told.run_started(run_id, [step.name for step in pipeline.in_order()])
        schedule = Schedule(runner, evidence)
        schedule.run()
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
            write_record(store, pipeline, lineage, run)
            prune(store, keep_runs)
        store.clear_staging()
        evidence.ended(run)
    return run


@contextlib.contextmanager
def _one_line(pipeline: str) -> Iterator[None]:
    """What the disk refuses to the run itself; what it refuses to a step is that step's reason."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"pipeline {pipeline} was given up: {error}; mend that and run it again: what finished is kept"
        ) from error


@contextlib.contextmanager
def _told_if_given_up(evidence: Evidence) -> Iterator[None]:
    """A run that only started would look as if it were going on."""
    try:
        yield
    except BaseException as error:
        with contextlib.suppress(OSError):  # the outbox is on the disk that may be full
            evidence.gave_up(str(error) or type(error).__name__)
        raise


def _result(store: ArtifactStore, steps: tuple[StepRun, ...]) -> PipelineResult | None:
    if not all(step.is_success for step in steps):
        return None
    digest = next((step.outputs[RESULT_ARTIFACT] for step in steps if RESULT_ARTIFACT in step.outputs), None)
    return PipelineResult.model_validate_json((store.path_of(digest) / RESULT_FILE).read_bytes()) if digest else None
