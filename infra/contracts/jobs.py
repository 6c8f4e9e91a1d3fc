"""Running one job to its end, whatever runs it: what the pipeline executor needs from a substrate."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from infra.contracts.workload import Job


@dataclass(frozen=True)
class JobResult:
    """One attempt. `exit_code` is None when the attempt was killed (then `reason` says why)."""

    exit_code: int | None
    reason: str
    started_at: datetime
    finished_at: datetime
    log: Path

    @property
    def is_success(self) -> bool:
        return self.exit_code == 0

    @property
    def duration_seconds(self) -> float:
        return (self.finished_at - self.started_at).total_seconds()


class JobRunner(Protocol):
    """Runs one attempt of a job and waits; retries are its caller's. `environment` is added to the job's own.

    Setting `stop`, from any thread, ends the attempt as if it had been killed."""

    def run(self, job: Job, environment: Mapping[str, str], stop: threading.Event | None = None) -> JobResult: ...
