"""A process hangs: it is there, and answers nobody."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from infra.local.supervisor import Supervisor
from tests.support.drill import Drill
from tests.support.live import Highway

SERVICE = "cockpit"


@contextmanager
def hanging(highway: Highway) -> Iterator[Mapping[str, str]]:
    supervisor = Supervisor(highway.home)
    supervisor.signal(SERVICE, "STOP")
    try:
        yield {}
    finally:
        supervisor.signal(SERVICE, "CONT")


DRILL = Drill(fault=hanging, labels={"service": SERVICE}, mitigation=("restart",), refusal="targets")
