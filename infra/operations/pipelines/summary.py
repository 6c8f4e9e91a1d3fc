"""How a run ended, as one JSON document for programs."""

from pydantic import Field

from infra.contracts.pipelines import PipelineResult
from infra.contracts.workload import Strict
from infra.operations.pipelines.report import PipelineRun, StepRun, StepStatus


class StepSummary(Strict):
    """`reason` and `log` are those of the last attempt; None without one. `partitions` are status by name."""

    step: str
    status: StepStatus
    attempts: int
    duration_seconds: float
    reason: str | None = None
    log: str | None = None
    partitions: dict[str, StepStatus] = Field(default_factory=dict)


class RunSummary(Strict):
    """`result` is None when the run failed, or none of its steps reports."""

    run_id: str
    pipeline: str
    is_success: bool
    is_unchanged: bool
    duration_seconds: float
    summary: str
    steps: tuple[StepSummary, ...]
    result: PipelineResult | None


def summary_of(run: PipelineRun) -> RunSummary:
    return RunSummary(
        run_id=run.run_id,
        pipeline=run.pipeline,
        is_success=run.is_success,
        is_unchanged=run.is_unchanged,
        duration_seconds=round(run.duration_seconds, 3),
        summary=run.summary,
        steps=tuple(_step(step) for step in run.steps),
        result=run.result,
    )


def _step(run: StepRun) -> StepSummary:
    last = run.attempts[-1] if run.attempts else None
    return StepSummary(
        step=run.step,
        status=run.status,
        attempts=len(run.attempts),
        duration_seconds=round(run.duration_seconds, 3),
        reason=last.reason if last else None,
        log=str(last.log) if last and last.log else None,
        partitions={name: part.status for name, part in run.partitions.items()},
    )
