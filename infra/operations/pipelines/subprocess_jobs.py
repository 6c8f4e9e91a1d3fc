"""Jobs as plain child processes: what a pipeline needs to run where there is no highway and no supervisor."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.contracts.clock import Clock, SystemClock
from infra.contracts.errors import HighwayError
from infra.contracts.expansion import expand
from infra.contracts.jobs import SYSTEM_PATH, JobResult, inherited
from infra.contracts.names import THREAD_VARIABLES
from infra.contracts.workload import Job

POLL_SECONDS = 0.01


class JobRefusedError(HighwayError):
    """The job asks for something that only a substrate has."""


@dataclass(frozen=True, kw_only=True)
class SubprocessJobs:
    """Keeps the promise of `infra.contracts.jobs.JobRunner`, except that memory has no limit.

    Jobs run in `folder`, each in a process group of its own, see `environment` and of this process' own what every
    workload sees, find the programs beside `python` first, and say what they say into a file of `logs`. Code is what
    lies in `folder`, so a job of a bundle is refused; so is one with a secret whose variable `environment` does not
    give.
    """

    folder: Path
    logs: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    python: Path = Path(sys.executable)
    clock: Clock = field(default_factory=SystemClock)

    def run(self, job: Job, environment: Mapping[str, str], stop: threading.Event | None = None) -> JobResult:
        """Raises `JobRefusedError`, and `OSError` when its program or the folders cannot be used."""
        given = self._environment(job, environment)
        self.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        started = self.clock.now()
        log = self.logs / f"{job.name}-{started:%Y%m%dT%H%M%S%f}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [expand(argument, given) for argument in job.command],
                cwd=self.folder,
                env=given,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            reason = _wait(process, job.timeout_seconds, stop)
        finally:
            if process.returncode is None:  # whoever waits was interrupted: a job does not outlive him
                _kill(process)
        killed = process.returncode < 0
        return JobResult(None if killed else process.returncode, reason, started, self.clock.now(), log)

    def _environment(self, job: Job, environment: Mapping[str, str]) -> dict[str, str]:
        if job.bundle:
            raise JobRefusedError(
                f"job {job.name} runs the bundle {job.bundle}; run it on a highway, with `highway up`"
            )
        if missing := sorted(job.secrets[variable] for variable in job.secrets if variable not in self.environment):
            raise JobRefusedError(
                f"job {job.name} needs the secret {', '.join(missing)}, which only a highway has; run it there"
            )
        return {
            **inherited(os.environ),
            "PATH": os.pathsep.join([str(self.python.parent), *SYSTEM_PATH]),
            # Unbuffered, as under the supervisor: a log has its lines in the order in which they were said.
            "PYTHONUNBUFFERED": "1",
            "TZ": "UTC",
            **dict.fromkeys(THREAD_VARIABLES, str(max(1, int(job.resources.cpus)))),
            **self.environment,
            **job.environment,
            **environment,
        }


def _wait(process: subprocess.Popen[bytes], timeout_seconds: float, stop: threading.Event | None) -> str:
    deadline = time.monotonic() + timeout_seconds
    while process.poll() is None:
        if stop is not None and stop.is_set():
            _kill(process)
            return "stopped by whoever waits for it"
        if time.monotonic() > deadline:
            _kill(process)
            return f"killed after its timeout of {timeout_seconds} s"
        time.sleep(POLL_SECONDS)
    return f"exit code {process.returncode}" if process.returncode >= 0 else "killed by a signal"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """With all that it started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
