"""Waiting for the end of a job that is not our child."""

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.contracts.workload import DataClassification, Job
from infra.local.home import Home
from infra.local.jobs import POLL_SECONDS, SupervisedJobs
from infra.local.supervisor import Status, Supervisor

SECONDS = 0.5


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = Home(tmp_path / "repo" / ".highway")
    made.root.mkdir(parents=True)
    yield made
    Supervisor(made).shut_down()


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux has them")
@pytest.mark.parametrize("is_allowed", [True, False])
def test_waiting_asks_seldom_ends_soon_and_leaves_nothing_open(
    home: Home, monkeypatch: pytest.MonkeyPatch, is_allowed: bool
) -> None:
    """Container runtimes forbid `pidfd_open` with EPERM."""

    def forbidden(*_: int) -> int:
        raise OSError(errno.EPERM, "forbidden")

    asked: list[float] = []
    status = Supervisor.status

    def counted(supervisor: Supervisor, name: str) -> Status | None:
        asked.append(time.monotonic())
        return status(supervisor, name)

    Supervisor(home).ensure_alive()
    job = Job(
        name="job",
        owner="tests",
        data_classification=DataClassification.PUBLIC,
        command=("sh", "-c", f"sleep {SECONDS}; exit 3"),
    )
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    with monkeypatch.context() as changed:
        changed.setattr(Supervisor, "status", counted)
        if not is_allowed:
            changed.setattr(os, "pidfd_open", forbidden)
        result = SupervisedJobs(home).run(job, {})
    assert (result.exit_code, result.reason) == (3, "exit code 3")
    assert SECONDS / POLL_SECONDS / 2 < len(asked) < 3 * SECONDS / POLL_SECONDS
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
