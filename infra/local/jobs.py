"""Jobs on the embedded substrate: one attempt at a time, under supervisord."""

import os
import select
import threading
import time
import uuid
import xmlrpc.client
from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.contracts.clock import SystemClock
from infra.contracts.jobs import JobResult
from infra.contracts.workload import Job
from infra.local.home import Home
from infra.local.supervisor import Supervisor, WorkloadFailedError
from infra.local.supervisor_rpc import SupervisorUnavailableError

POLL_SECONDS = 0.05
REAP_SECONDS = 0.002  # what supervisord takes to notice an end
OVER = ("EXITED", "FATAL", "STOPPED", "UNKNOWN")


@dataclass(frozen=True)
class SupervisedJobs:
    """Keeps the promise of `infra.contracts.jobs.JobRunner`."""

    home: Home
    clock: SystemClock = field(default_factory=SystemClock)

    def run(self, job: Job, environment: Mapping[str, str], stop: threading.Event | None = None) -> JobResult:
        supervisor = Supervisor(self.home)
        started = self.clock.now()
        log = self.home.logs / "jobs" / f"{job.name}-{started:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}.log"
        exit_code: int | None = None
        try:
            supervisor.start_job(job, dict(environment), log)
            exit_code, reason = self._wait(supervisor, job, stop)
        except (SupervisorUnavailableError, WorkloadFailedError, xmlrpc.client.Fault) as error:
            reason = f"lost: {error}"
        finally:
            # Also when the caller is interrupted: a job does not outlive the one who waits for it.
            supervisor.remove(job.name)
        return JobResult(exit_code, reason, started, self.clock.now(), log)

    @staticmethod
    def _wait(supervisor: Supervisor, job: Job, stop: threading.Event | None) -> tuple[int | None, str]:
        deadline = time.monotonic() + job.timeout_seconds
        while True:
            status = supervisor.status(job.name)
            if status is None:
                return None, "removed while it ran"
            if status.state in OVER:
                # supervisord reports death by a signal as -1
                killed = status.exit_code < 0
                return (None, "killed by a signal") if killed else (status.exit_code, f"exit code {status.exit_code}")
            if stop is not None and stop.is_set():
                return None, "stopped by whoever waits for it"
            if time.monotonic() > deadline:
                return None, f"killed after its timeout of {job.timeout_seconds} s"
            _wait_for_end(status.pid)


def _wait_for_end(pid: int) -> None:
    """Until the process ends, but not for long. It is not our child: Linux tells us all the same, elsewhere we look."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        pass  # it has ended, and supervisord is about to see it
    except (AttributeError, OSError):  # another system, a sandbox that forbids it, or no process yet (pid 0)
        time.sleep(POLL_SECONDS)
        return
    else:
        try:
            ended = select.poll()
            ended.register(handle, select.POLLIN)
            ended.poll(POLL_SECONDS * 1000)
        finally:
            os.close(handle)
    time.sleep(REAP_SECONDS)
