"""Running one job to its end, whatever runs it: what the pipeline executor needs from a substrate."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from infra.contracts.workload import Job

# What a workload sees of its caller's environment. Everything else would make it depend on who started it: of
# OPENBLAS_CORETYPE in somebody's shell, for one, the last digits of a model depend.
INHERITED = ("HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
# The same for every caller: a service must not restart because another shell has another PATH.
SYSTEM_PATH = ("/usr/local/bin", "/opt/homebrew/bin", "/usr/bin", "/bin")


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: environment[name] for name in INHERITED if name in environment}


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
