"""A log grows until less than a tenth of the budget is left. The space is really taken, in one rotated log."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx2

from infra.contracts.names import DISK_FREE_BYTES, DISK_SIZE_BYTES, OPERATOR, OPERATOR_SECRET
from tests.support.drill import Drill
from tests.support.live import Highway

LEFT_RATIO = 0.05


@contextmanager
def filled(highway: Highway) -> Iterator[Mapping[str, str]]:
    size, free = (_bytes(highway, name) for name in (DISK_SIZE_BYTES, DISK_FREE_BYTES))
    log = highway.home.logs / "workloads" / "drill.log.1"
    with log.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, int(free - LEFT_RATIO * size))
    try:
        yield {}
    finally:
        log.unlink(missing_ok=True)


def _bytes(highway: Highway, metric: str) -> float:
    password = highway.home.secret(OPERATOR_SECRET).read_text().strip()
    answer = httpx2.get(
        f"{highway.url('monitoring', 'prometheus_url')}/api/v1/query",
        params={"query": metric},
        auth=(OPERATOR, password),
    )
    return float(answer.raise_for_status().json()["data"]["result"][0]["value"][1])


DRILL = Drill(fault=filled, labels={}, mitigation=("logs",), refusal="left")
