"""What a run tells: while it goes on, and when it has ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from infra.contracts.pipelines import Check, PipelineResult


class StepStatus(StrEnum):
    PASSED = "passed"
    CACHED = "cached"  # its outputs were there already
    FAILED = "failed"
    BLOCKED = "blocked"  # never started, because a step that it needs failed


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """`number` counts from 1; `log` is None when the attempt never got as far as starting a process."""

    number: int
    is_success: bool
    reason: str
    duration_seconds: float
    log: Path | None
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StepRun:
    """How one step of a run ended. `inputs` and `outputs` map artifact names to digests.

    Of a step that maps, `partitions` says how each ended, and `attempts` is one for the whole. A partition is told
    as a step too, named like `features[2013-03]`."""

    step: str
    status: StepStatus
    attempts: tuple[Attempt, ...] = ()
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()  # of the last attempt, or of the run that made the outputs
    is_told: bool = False  # an earlier run told the ledger of these checks, and of no others since
    gone: tuple[Check, ...] = ()  # which the ledger holds and nobody makes any more, taken back
    partitions: "dict[str, StepRun]" = field(default_factory=dict)

    @property
    def is_success(self) -> bool:
        return self.status in (StepStatus.PASSED, StepStatus.CACHED)

    @property
    def duration_seconds(self) -> float:
        return sum(attempt.duration_seconds for attempt in self.attempts)

    @property
    def summary(self) -> str:
        """One line, for a person."""
        match self.status:
            case StepStatus.CACHED:
                return f"{self.step}: nothing changed, its outputs are there"
            case StepStatus.BLOCKED:
                return f"{self.step}: not started, a step that it needs failed"
        last = self.attempts[-1]
        tries = "" if last.number == 1 else f" at attempt {last.number}"
        if self.is_success:
            return f"{self.step}: passed{tries} in {self.duration_seconds:.1f} s{self._shares}"
        return f"{self.step}: failed{tries}: {last.reason}" + (f"; see {last.log}" if last.log else "")

    @property
    def _shares(self) -> str:
        """What of a step that maps had to run."""
        if not self.partitions:
            return ""
        ran = sum(1 for run in self.partitions.values() if run.status is not StepStatus.CACHED)
        return f" ({ran} of {len(self.partitions)} partitions, the others are unchanged)"


@dataclass(frozen=True, kw_only=True)
class PipelineRun:
    """How a run ended. `result` is what its steps reported, if the run passed and one of them reports."""

    run_id: str
    pipeline: str
    started_at: datetime
    finished_at: datetime
    steps: tuple[StepRun, ...]
    result: PipelineResult | None = None

    @property
    def is_success(self) -> bool:
        return all(step.is_success for step in self.steps)

    @property
    def is_unchanged(self) -> bool:
        """Nothing had to run, or what always runs made the same again."""
        return all(step.status is StepStatus.CACHED for step in self.steps)

    @property
    def duration_seconds(self) -> float:
        return (self.finished_at - self.started_at).total_seconds()

    @property
    def summary(self) -> str:
        """One line, for a person: what failed first, or what was made."""
        failed = next((step.summary for step in self.steps if step.status is StepStatus.FAILED), None)
        if failed:
            return failed
        made = ""
        if self.result and self.result.model:
            made = f": {self.result.model} version {self.result.version}"
        if self.is_unchanged:
            return f"nothing changed{made} is current" if made else "nothing changed"
        return f"{self.pipeline} passed in {self.duration_seconds:.0f} s{made}"


class Progress(Protocol):
    """Told as a run goes on; `attempt_failed` and `partition_ended` may come from another thread."""

    def run_started(self, run_id: str, steps: Sequence[str]) -> None: ...

    def step_started(self, step: str) -> None: ...

    def attempt_failed(self, step: str, attempt: Attempt, *, is_last: bool) -> None: ...

    def partition_ended(self, step: str, run: StepRun, *, ended: int, of: int) -> None: ...

    def step_ended(self, run: StepRun) -> None: ...


class Silent:
    """A `Progress` that tells nobody."""

    def run_started(self, run_id: str, steps: Sequence[str]) -> None:
        pass

    def step_started(self, step: str) -> None:
        pass

    def attempt_failed(self, step: str, attempt: Attempt, *, is_last: bool) -> None:
        pass

    def partition_ended(self, step: str, run: StepRun, *, ended: int, of: int) -> None:
        pass

    def step_ended(self, run: StepRun) -> None:
        pass
