"""Runs services and jobs through supervisord, which alone restarts them.

The truth of what should run is on disk (`run/workloads/<name>.json` and `.conf`), written before supervisord
is told: a supervisor that is started again after a kill or a reboot starts everything by itself.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock

from infra.contracts.bundle import BundleError
from infra.contracts.errors import HighwayError
from infra.contracts.files import write_atomically
from infra.contracts.workload import Job, Service
from infra.local import supervisor_config
from infra.local.home import HOME_VARIABLE, WORKLOAD_VARIABLE, Home
from infra.local.plan import Plan, plan
from infra.local.ports import Ports
from infra.local.processes import end, marked
from infra.local.readiness import answers
from infra.local.sockets import socket_path
from infra.local.supervisor_rpc import Faults, Rpc, SupervisorUnavailableError

DAEMON = "supervisord"
START_SECONDS = 15
STOP_SECONDS = 5
SHUTDOWN_SECONDS = 60
CRASHES_ARE_A_LOOP = 3
ALIVE = ("STARTING", "RUNNING", "BACKOFF")


class WorkloadFailedError(HighwayError):
    """A workload did not become what it should; the message ends with what it last said."""


@dataclass(frozen=True)
class Running:
    """A service that is ready. `address` is "127.0.0.1:port", None for a service without a port."""

    name: str
    address: str | None
    spec_digest: str


@dataclass(frozen=True)
class Status:
    """`state` is supervisord's word; `restarts` counts starts beyond the first."""

    name: str
    state: str
    pid: int
    restarts: int
    spec_digest: str | None
    exit_code: int

    @property
    def is_running(self) -> bool:
        # STARTING is supervisord's word for a process that has not lived for long yet.
        return self.state in ("STARTING", "RUNNING")


@dataclass(frozen=True)
class Supervisor:
    home: Home

    @property
    def _folder(self) -> Path:
        return self.home.run / "workloads"

    @property
    def socket(self) -> Path:
        return socket_path(self.home, "supervisord")

    def is_alive(self) -> bool:
        try:
            self.rpc().getState()
        except SupervisorUnavailableError:
            return False
        return True

    def ensure_alive(self) -> bool:
        """Start supervisord, and with it all that should run, unless it is there. True if it was started."""
        self.home.run.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._lock():
            if self.is_alive():
                return False
            log = self.home.logs / "supervisord.log"
            log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.socket.unlink(missing_ok=True)
            config = self.home.run / "supervisord.conf"
            write_atomically(config, supervisor_config.daemon(self.socket, config, log, self._folder.name))
            started = subprocess.run(
                [Path(sys.executable).with_name(DAEMON), "-c", config],
                env={**os.environ, HOME_VARIABLE: str(self.home.root), WORKLOAD_VARIABLE: DAEMON},
                cwd=self.home.root,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            deadline = time.monotonic() + START_SECONDS
            while not self.is_alive():
                if started.returncode != 0 or time.monotonic() > deadline:
                    raise SupervisorUnavailableError(f"supervisord did not start: {started.stderr.strip()}; see {log}")
                time.sleep(0.05)
            return True

    def apply(self, service: Service, wanted_port: int | None = None) -> Running:
        """Make `service` run as specified and wait until it is ready. Does nothing if it already is.

        Raises `WorkloadFailedError` when it is not ready within its probe's budget, `PortTakenError`,
        `BundleError`.
        """
        self.ensure_alive()
        port = Ports(self.home).lease(service.name, wanted_port) if service.port is not None else None
        resolved = plan(service, self.home, port)
        address = f"127.0.0.1:{port}" if port is not None else None
        if not self._is_as_planned(resolved):
            config = supervisor_config.service(resolved, self._plan_path(service.name), service, self.home)
            self._replace(resolved, config)
        self._wait_until_ready(service, address)
        return Running(service.name, address, resolved.spec_digest)

    def start_job(self, job: Job, environment: dict[str, str], log: Path) -> None:
        """Start one attempt of `job`, ending an earlier one of the same name."""
        self.ensure_alive()
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        resolved = plan(job, self.home, None, environment)
        # What a supervisor that was killed left running would write where this attempt writes.
        end(marked(self.home.root, job.name), STOP_SECONDS)
        self._replace(resolved, supervisor_config.job(resolved, self._plan_path(job.name), log))
        self.rpc().startProcess(job.name, False)

    def start_stopped(self) -> Sequence[str]:
        """Start the services that supervisord has and does not run; returns their names."""
        services = set(self.services())
        stopped = [status.name for status in self.statuses() if status.state not in ALIVE and status.name in services]
        for name in stopped:
            self._ignoring((Faults.ALREADY_STARTED,), "startProcess", name, False)
        return stopped

    def stop(self, name: str) -> None:
        """Stop without removing; `apply` starts it again."""
        self._ignoring((Faults.NOT_RUNNING, Faults.BAD_NAME), "stopProcess", name)

    def remove(self, name: str) -> None:
        """Stop it (drained), forget it, give its port back. Removing what is not there does nothing."""
        if self.is_alive():
            self._discard(name)
        else:
            # What a supervisor that was killed left running must not outlive its plan and its port.
            end(marked(self.home.root, name), STOP_SECONDS)
        for suffix in (".conf", ".json", ".starts"):
            (self._folder / f"{name}{suffix}").unlink(missing_ok=True)
        Ports(self.home).release(name)

    def status(self, name: str) -> Status | None:
        """None when supervisord does not know it. Raises `SupervisorUnavailableError`."""
        try:
            return self._status(self.rpc().getProcessInfo(name))
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == Faults.BAD_NAME:
                return None
            raise

    def statuses(self) -> Sequence[Status]:
        """Of all that supervisord knows. Raises `SupervisorUnavailableError`."""
        return [self._status(info) for info in self.rpc().getAllProcessInfo()]

    def signal(self, name: str, signal_name: str) -> None:
        """Such as "HUP". A workload that does not run will read its configuration when it starts."""
        self._ignoring((Faults.NOT_RUNNING, Faults.BAD_NAME), "signalProcess", name, signal_name)

    def read(self, name: str) -> Service | None:
        """The service that runs under `name`; None when none does, or when somebody altered what is run."""
        status = self.status(name)
        current = self._plan(name)
        if status is None or status.state not in ALIVE or current is None:
            return None
        port = current.environment.get("PORT")
        try:
            spec = Service.model_validate_json(current.spec)
            planned = plan(spec, self.home, int(port) if port else None)
        except (ValueError, BundleError):  # the code that it was started from may be gone
            return None
        return spec if planned.is_same_work(current) else None

    def is_ready(self, name: str) -> bool:
        """Whether it runs, as planned, and passes its probe now."""
        spec = self.read(name) if self.is_alive() else None
        status = self.status(name) if spec else None
        current = self._plan(name)
        if spec is None or status is None or current is None or not status.is_running:
            return False
        port = current.environment.get("PORT")
        return spec.readiness is None or port is None or answers(f"127.0.0.1:{port}", spec.readiness)

    def declared(self) -> Sequence[str]:
        """Names of what should run, whether supervisord lives or not."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def services(self) -> Sequence[str]:
        """What is declared, jobs aside: those end, and one whose caller was killed is nobody's to wait for."""
        return [name for name in self.declared() if not self._is_job(name)]

    def shut_down(self) -> None:
        """Stop everything and supervisord itself."""
        if self.is_alive():
            rpc = self.rpc()
            pid = rpc.getPID()
            rpc.shutdown()
            with contextlib.suppress(psutil.NoSuchProcess):
                # It stops everything first, each within its drain; what hangs longer is swept away by `down`.
                psutil.Process(pid).wait(SHUTDOWN_SECONDS)
        self.socket.unlink(missing_ok=True)

    def shut_down_if_idle(self) -> None:
        """When nothing is declared any more."""
        with self._lock():
            if not self.declared():
                self.shut_down()

    def _lock(self) -> FileLock:
        return FileLock(self.home.run / "supervisord.lock")

    def rpc(self) -> Rpc:
        return Rpc(self.socket)

    def _plan_path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _is_as_planned(self, resolved: Plan) -> bool:
        status = self.status(resolved.name)
        current = self._plan(resolved.name)
        return status is not None and status.state in ALIVE and current is not None and current.is_same_work(resolved)

    def _plan(self, name: str) -> Plan | None:
        try:
            return Plan.read(self._plan_path(name))
        except (OSError, ValueError, TypeError):
            return None

    def _is_job(self, name: str) -> bool:
        current = self._plan(name)
        try:
            return current is not None and bool(json.loads(current.spec)["kind"] == "Job")
        except (ValueError, TypeError, KeyError):
            return False  # nobody knows what it is, so it is missed like a service

    def _replace(self, resolved: Plan, config: str) -> None:
        name = resolved.name
        self._discard(name)
        (self.home.logs / "workloads").mkdir(parents=True, exist_ok=True, mode=0o700)
        Path(resolved.starts).unlink(missing_ok=True)
        write_atomically(self._plan_path(name), resolved.to_json())
        write_atomically(self._folder / f"{name}.conf", config)
        # From here on it is declared, so nobody takes the supervisor for idle; but it may just have been ended.
        self.ensure_alive()
        with self._lock():
            self.rpc().reloadConfig()
            self._ignoring((Faults.ALREADY_ADDED,), "addProcessGroup", name)

    def _discard(self, name: str) -> None:
        self._ignoring((Faults.BAD_NAME,), "stopProcessGroup", name)
        self._ignoring((Faults.BAD_NAME,), "removeProcessGroup", name)

    def _ignoring(self, codes: tuple[int, ...], method: str, *arguments: str | bool) -> None:
        try:
            getattr(self.rpc(), method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode not in codes:
                raise WorkloadFailedError(
                    f"supervisord refused {method} {arguments[0]}: {fault.faultString}"
                ) from fault

    def _status(self, info: dict[str, Any]) -> Status:
        name = info["name"]
        starts = self._folder / f"{name}.starts"
        plan = self._plan(name)
        restarts = max(0, starts.stat().st_size - 1) if starts.exists() else 0
        digest = plan.spec_digest if plan else None
        return Status(name, info["statename"], info["pid"], restarts, digest, info["exitstatus"])

    def _wait_until_ready(self, service: Service, address: str | None) -> None:
        probe = service.readiness
        deadline = time.monotonic() + (probe.budget_seconds if probe else START_SECONDS)
        pause = 0.05
        while True:
            status = self.status(service.name)
            if status and status.is_running:
                # Without a probe, to have lived for a while is all that can be asked.
                has_lived = status.state == "RUNNING"
                if has_lived if probe is None or address is None else answers(address, probe):
                    return
            if status and status.restarts >= CRASHES_ARE_A_LOOP:
                raise WorkloadFailedError(f"{service.name} keeps ending" + self._last_words(service.name))
            if time.monotonic() > deadline:
                raise WorkloadFailedError(f"{service.name} was not ready in time" + self._last_words(service.name))
            time.sleep(pause)
            pause = min(pause * 1.5, probe.period_seconds if probe else 0.5)

    def _last_words(self, name: str) -> str:
        log = self.home.logs / "workloads" / f"{name}.log"
        lines = log.read_text(errors="replace").splitlines()[-3:] if log.exists() else []
        return f"; see `highway logs {name}`: {' | '.join(lines)[-400:]}"
