"""What the ledger learns of a run. The ids follow from the push, so a run that is told twice is recorded once."""

from dataclasses import dataclass
from pathlib import Path

from infra.contracts.clock import Clock
from infra.contracts.events import IntegrationRun, Outcome
from infra.operations.runner.spool import Push
from infra.operations.runner.workflow import WORKFLOW, Verdict

ACTOR = "runner"


@dataclass(frozen=True)
class Evidence:
    clock: Clock

    def started(self, push: Push, log: Path) -> IntegrationRun:
        return self._event(push, log, Outcome.STARTED, "is being checked")

    def finished(self, push: Push, log: Path, verdict: Verdict, duration_seconds: float) -> IntegrationRun:
        outcome = Outcome.PASSED if verdict.is_passed else Outcome.FAILED
        return self._event(push, log, outcome, verdict.reason, round(duration_seconds, 2))

    def _event(
        self, push: Push, log: Path, outcome: Outcome, reason: str, duration_seconds: float | None = None
    ) -> IntegrationRun:
        now = self.clock.now()
        phase = "started" if outcome is Outcome.STARTED else "finished"
        return IntegrationRun(
            id=f"ci-{push.id}-{phase}",
            event_time=now,
            recorded_at=now,
            outcome=outcome,
            subject=push.branch,
            summary=f"{push.branch} at {push.commit[:10]} {reason}",
            actor=ACTOR,
            commit=push.commit,
            command=f"act push --workflows {WORKFLOW}",
            duration_seconds=duration_seconds,
            is_replay=self.clock.is_replay,
            branch=push.branch,
            log_uri=log.as_uri(),
        )
