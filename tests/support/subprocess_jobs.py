"""A `JobRunner` of plain child processes: what the executor needs, without a supervisor."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.contracts.clock import SystemClock
from infra.contracts.jobs import JobResult
from infra.contracts.workload import Job

POLL_SECONDS = 0.01
REPO = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class SubprocessJobs:
    """Runs each job in the repo's folder, in its own process group, and logs to `logs`."""

    logs: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    clock: SystemClock = field(default_factory=SystemClock)

    def run(self, job: Job, environment: Mapping[str, str], stop: threading.Event | None = None) -> JobResult:
        self.logs.mkdir(parents=True, exist_ok=True)
        started = self.clock.now()
        log = self.logs / f"{job.name}-{started:%H%M%S%f}.log"
        command = [sys.executable if word == "python" else word for word in job.command]
        with log.open("wb") as stream:
            process = subprocess.Popen(
                command,
                cwd=REPO,
                # Unbuffered, as under the supervisor: a log has its lines in the order in which they were said.
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self.environment, **job.environment, **environment},
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        reason = self._wait(process, job.timeout_seconds, stop)
        killed = process.returncode < 0
        return JobResult(None if killed else process.returncode, reason, started, self.clock.now(), log)

    @staticmethod
    def _wait(process: subprocess.Popen[bytes], timeout_seconds: float, stop: threading.Event | None) -> str:
        deadline = time.monotonic() + timeout_seconds
        ending = ""
        while process.poll() is None:
            if stop is not None and stop.is_set():
                ending = "stopped by whoever waits for it"
            elif time.monotonic() > deadline:
                ending = f"killed after its timeout of {timeout_seconds} s"
            if ending:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return ending
            time.sleep(POLL_SECONDS)
        return f"exit code {process.returncode}" if process.returncode >= 0 else "killed by a signal"
