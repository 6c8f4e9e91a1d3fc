"""Which services should run, and which of them do."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from infra.local.home import Home
from infra.local.plan import Plan
from infra.local.supervisor_rpc import SupervisorUnavailableError

SUPERVISOR = "supervisord"


class Status(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def is_running(self) -> bool: ...
    @property
    def restarts(self) -> int: ...


class Supervision(Protocol):
    """What is asked of the supervisor; both raise nothing but `SupervisorUnavailableError`."""

    def declared(self) -> Sequence[str]: ...
    def statuses(self) -> Sequence[Status]: ...


@dataclass(frozen=True)
class Workload:
    name: str
    is_up: bool
    restarts: int


def services(home: Home, supervision: Supervision) -> list[Workload]:
    """The supervisor and, while it answers, each service that it should run. Jobs end; they are not missed."""
    try:
        statuses = {status.name: status for status in supervision.statuses()}
    except SupervisorUnavailableError:
        # What runs on without it is not known; that it is gone is.
        return [Workload(SUPERVISOR, False, 0)]
    found = [Workload(SUPERVISOR, True, 0)]
    for name in supervision.declared():
        if _is_service(home, name):
            status = statuses.get(name)
            found.append(Workload(name, bool(status and status.is_running), status.restarts if status else 0))
    return found


def _is_service(home: Home, name: str) -> bool:
    try:
        kind = json.loads(Plan.read(home.run / "workloads" / f"{name}.json").spec)["kind"]
    except (OSError, ValueError, TypeError, KeyError):
        # Removed meanwhile, or not readable: then `pulumi refresh` has more to say than a metric.
        return False
    return bool(kind == "Service")
