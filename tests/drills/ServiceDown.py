"""Somebody stops a service behind Pulumi's back, and the supervisor leaves it so."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from infra.local.supervisor import Supervisor
from tests.support.drill import Drill
from tests.support.live import Highway

SERVICE = "mlflow"


@contextmanager
def stopped(highway: Highway) -> Iterator[Mapping[str, str]]:
    supervisor = Supervisor(highway.home)
    supervisor.stop(SERVICE)
    try:
        yield {}
    finally:
        status = supervisor.status(SERVICE)
        if status is None or not status.is_running:
            highway.run("up", "--platform-only")


DRILL = Drill(fault=stopped, labels={"service": SERVICE}, mitigation=("mend",), refusal="state")
