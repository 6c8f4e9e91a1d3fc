"""What the ledger learns of a run: one event a step, one for the whole."""

from typing import Protocol

from infra.contracts.clock import Clock
from infra.contracts.events import AnyEvent, Outcome, PipelineStepRun, TrainingRun
from infra.contracts.pipelines import PipelineResult
from infra.operations.pipelines.lineage import Lineage
from infra.operations.pipelines.report import PipelineRun, StepRun, StepStatus


class Ledger(Protocol):
    """`infra.contracts.ledger.LedgerClient`, as far as it is needed here."""

    def record(self, event: AnyEvent) -> bool: ...


def outcome_of(is_success: bool) -> Outcome:
    return Outcome.PASSED if is_success else Outcome.FAILED


def step_event(run: StepRun, *, run_id: str, pipeline: str, lineage: Lineage, clock: Clock) -> PipelineStepRun:
    last = run.attempts[-1] if run.attempts else None
    now = clock.now()
    return PipelineStepRun(
        id=f"{run_id}-{run.step}",
        event_time=now,
        recorded_at=now,
        outcome=outcome_of(run.is_success),
        subject=pipeline,
        summary=run.summary,
        actor="pipelines",
        commit=lineage.commit,
        duration_seconds=run.duration_seconds,
        is_replay=clock.is_replay,
        run_id=run_id,
        step=run.step,
        attempt=last.number if last else 0,
        is_cached=run.status is StepStatus.CACHED,
        log_uri=last.log.as_uri() if last and last.log else None,
    )


def training_event(run: PipelineRun, *, lineage: Lineage, clock: Clock) -> TrainingRun:
    result = run.result or PipelineResult()
    now = clock.now()
    return TrainingRun(
        id=run.run_id,
        event_time=now,
        recorded_at=now,
        outcome=outcome_of(run.is_success),
        subject=run.pipeline,
        summary=run.summary,
        actor="pipelines",
        commit=lineage.commit,
        artifact_digest=result.digest,
        duration_seconds=run.duration_seconds,
        is_replay=clock.is_replay,
        run_id=run.run_id,
        model=result.model,
        model_version=result.version,
        rows=result.rows,
        metrics=result.metrics,
    )
