"""What the ledger learns of a run: that it started, one event a step and a check, and how the whole ended."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from infra.contracts.clock import Clock, SystemClock
from infra.contracts.events import AnyEvent, CheckRun, Outcome, PipelineStepRun, TrainingRun
from infra.contracts.pipelines import PipelineResult
from infra.operations.pipelines.lineage import Lineage
from infra.operations.pipelines.report import PipelineRun, StepRun, StepStatus


class Ledger(Protocol):
    """`infra.contracts.ledger.LedgerClient`, as far as it is needed here: `record` delivers what was kept, too."""

    def keep(self, event: AnyEvent) -> None: ...

    def record(self, event: AnyEvent) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Tells `ledger`, if there is one, of the run `run_id`."""

    run_id: str
    pipeline: str
    lineage: Lineage
    clock: Clock
    ledger: Ledger | None

    def started(self) -> None:
        summary = f"{self.pipeline} is running"
        event = TrainingRun(id=f"{self.run_id}-started", outcome=Outcome.STARTED, summary=summary, **self._facts())
        if self.ledger:
            self.ledger.record(event)

    def step_ended(self, run: StepRun) -> None:
        # A blocked step did nothing, so there is nothing to tell of it.
        if self.ledger and run.status is not StepStatus.BLOCKED:
            for check in self._checks(run):
                self.ledger.keep(check)
            self.ledger.record(self._step(run))

    def ended(self, run: PipelineRun) -> None:
        result = run.result or PipelineResult()
        event = TrainingRun(
            id=self.run_id,
            outcome=_outcome(run.is_success),
            summary=run.summary,
            artifact_digest=result.digest,
            duration_seconds=run.duration_seconds,
            model=result.model,
            model_version=result.version,
            rows=result.rows,
            metrics=result.metrics,
            **self._facts(),
        )
        if self.ledger:
            self.ledger.record(event)

    def gave_up(self, reason: str) -> None:
        """The run did not come to its end, and this process knows it."""
        summary = f"{self.pipeline} was given up: {reason}; what finished is kept"
        event = TrainingRun(id=self.run_id, outcome=Outcome.FAILED, summary=summary, **self._facts())
        if self.ledger:
            self.ledger.record(event)

    def _step(self, run: StepRun) -> PipelineStepRun:
        last = run.attempts[-1] if run.attempts else None
        return PipelineStepRun(
            id=f"{self.run_id}-{run.step}",
            outcome=_outcome(run.is_success),
            summary=run.summary,
            duration_seconds=run.duration_seconds,
            step=run.step,
            attempt=last.number if last else 0,
            is_cached=run.status is StepStatus.CACHED,
            log_uri=last.log.as_uri() if last and last.log else None,
            **self._facts(),
        )

    def _checks(self, run: StepRun) -> Iterator[CheckRun]:
        """Of the step and its partitions, what the ledger has yet to hear; and what is gone."""
        for told in (run, *run.partitions.values()):
            for check in (*(() if told.is_told else told.checks), *told.gone):
                # A check's name may hold what no file's name may, and an outbox is made of files.
                name = hashlib.sha256(f"{told.step}\0{check.suite}\0{check.name}".encode()).hexdigest()[:16]
                yield CheckRun(
                    id=f"{self.run_id}-check-{name}",
                    outcome=_outcome(check.is_passed),
                    summary=check.summary,
                    check=check.name,
                    suite=check.suite,
                    value=check.value,
                    limit=check.limit,
                    environment_digest=self.lineage.lock_digest,
                    inputs_digest=_digest_of(told.inputs),
                    **self._facts(),
                )

    def _facts(self) -> dict[str, Any]:
        """What all events of the run share."""
        return {
            "event_time": self.clock.now(),
            "recorded_at": SystemClock().now(),  # on the wall, also in a replay: what happened last comes first
            "subject": self.pipeline,
            "actor": "pipelines",
            "commit": self.lineage.commit,
            "is_replay": self.clock.is_replay,
            "run_id": self.run_id,
        }


def _outcome(is_success: bool) -> Outcome:
    return Outcome.PASSED if is_success else Outcome.FAILED


def _digest_of(inputs: Mapping[str, str]) -> str | None:
    """Over the digests of all that was read; None when nothing was."""
    return "sha256:" + hashlib.sha256(json.dumps(dict(inputs), sort_keys=True).encode()).hexdigest() if inputs else None
