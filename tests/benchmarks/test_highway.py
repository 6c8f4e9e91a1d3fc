"""The figures that the highway on one machine promises (2 cores), each as a ratio to its limit.

`.highway/venv/bin/pytest -m nightly tests/benchmarks/test_highway.py -s`. Medians of several runs; a limit that is
missed fails, since the limits leave room for a noisy machine.
"""

import statistics
import time
from collections.abc import Callable

import pytest

from infra.local.processes import marked
from tests.support.live import Highway

RUNS = 3
MEBIBYTE = 1024 * 1024


def median_seconds(work: Callable[[], object], runs: int = RUNS) -> float:
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def report(what: str, measured: float, limit: float, unit: str) -> None:
    print(f"\n{what}: {measured:.1f} {unit}, {measured / limit:.2f} of the limit of {limit:g} {unit}")
    assert measured <= limit


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_no_op_updates(live_highway: Highway):
    engine = ("up", "--yes", "--skip-preview")
    report("pulumi up --skip-preview, nothing to change", median_seconds(lambda: live_highway.pulumi(*engine)), 6, "s")
    report("highway up, nothing to change", median_seconds(lambda: live_highway.run("up")), 25, "s")


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_idle_memory(live_highway: Highway):
    time.sleep(10)  # what an update loaded has been given back
    # PSS: what processes share is counted once.
    sizes = {process.name(): 0 for process in marked(live_highway.home.root)}
    for process in marked(live_highway.home.root):
        sizes[process.name()] += process.memory_full_info().pss
    print({name: f"{size / MEBIBYTE:.0f} MiB" for name, size in sorted(sizes.items())})
    report("idle memory of everything", sum(sizes.values()) / MEBIBYTE, 1536, "MiB")


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_up_after_down(live_highway: Highway):
    def once() -> float:
        live_highway.run("down")
        started = time.perf_counter()
        live_highway.run("up")
        return time.perf_counter() - started

    report("highway up after down", statistics.median(once() for _ in range(RUNS)), 60, "s")
