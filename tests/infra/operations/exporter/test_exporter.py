"""The substrate's exporter: disk space within a budget, and a real process over a real home."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
import pytest

from infra.contracts.workload import DataClassification, Job, Service
from infra.local.home import Home
from infra.local.plan import plan
from infra.local.supervisor_rpc import SupervisorUnavailableError
from infra.operations.exporter import disk as disk_module
from infra.operations.exporter.disk import Disk
from infra.operations.exporter.workloads import Workload, services
from tests.support.service import module, running

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Seen:
    name: str
    is_running: bool
    restarts: int = 0


@dataclass(frozen=True)
class Supervision:
    """What supervisord would say; None when it is gone."""

    seen: tuple[Seen, ...] | None
    names: tuple[str, ...]

    def declared(self) -> tuple[str, ...]:
        return self.names

    def statuses(self) -> tuple[Seen, ...]:
        if self.seen is None:
            raise SupervisorUnavailableError("gone")
        return self.seen


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / ".highway")
    workloads = home.run / "workloads"
    workloads.mkdir(parents=True)
    public = {"owner": "platform", "data_classification": DataClassification.PUBLIC, "command": ("true",)}
    for spec in (Service(name="mlflow", **public), Service(name="ledger", **public), Job(name="train", **public)):
        (workloads / f"{spec.name}.json").write_text(plan(spec, home, None).to_json())
    return home


def test_a_service_that_should_run_is_down_when_it_is_stopped_or_forgotten_and_jobs_are_not_missed(home):
    supervision = Supervision((Seen("mlflow", True, 3), Seen("train", False)), ("ledger", "mlflow", "train"))
    assert services(home, supervision) == [
        Workload("supervisord", True, 0),
        Workload("ledger", False, 0),
        Workload("mlflow", True, 3),
    ]


def test_without_the_supervisor_only_its_own_absence_is_known(home):
    assert services(home, Supervision(None, ("mlflow",))) == [Workload("supervisord", False, 0)]


def test_a_plan_that_cannot_be_read_is_left_out(home):
    (home.run / "workloads" / "mlflow.json").write_text("{")
    assert [w.name for w in services(home, Supervision((), ("mlflow", "gone", "ledger")))] == ["supervisord", "ledger"]


def test_without_a_budget_the_file_systems_figures_count(tmp_path):
    space = Disk((tmp_path / "not" / "yet",)).space()
    usage = shutil.disk_usage(tmp_path)
    assert space.size_bytes == usage.total
    assert abs(space.free_bytes - usage.free) < 100 * MEBIBYTE


def test_a_budget_counts_what_files_really_take(tmp_path, monkeypatch):
    monkeypatch.setattr(disk_module, "MEASURE_EVERY_SECONDS", -1.0)
    data, logs = tmp_path / "data", tmp_path / "logs"
    disk = Disk((data, logs), budget_bytes=10 * MEBIBYTE)
    assert disk.space().free_bytes == disk.space().size_bytes == 10 * MEBIBYTE
    for folder in (data, logs):
        folder.mkdir()
        (folder / "file").write_bytes(b"x" * 3 * MEBIBYTE)
    with (data / "sparse").open("wb") as sparse:
        sparse.truncate(100 * MEBIBYTE)
    assert disk.space().free_bytes == pytest.approx(4 * MEBIBYTE, abs=100_000)
    (data / "more").write_bytes(b"x" * 9 * MEBIBYTE)
    assert disk.space().free_bytes == 0


def test_as_a_process_it_is_small_and_says_that_the_supervisor_is_gone(home, tmp_path):
    environment = {"HIGHWAY_HOME": str(home.root), "HIGHWAY_DISK_BUDGET_BYTES": str(MEBIBYTE)}
    command = module("infra.operations.exporter")
    with running(command, log=tmp_path / "log", environment=environment, ready_path="/metrics") as service:
        metrics = httpx2.get(service.url + "/metrics").text
        assert 'highway_workload_up{workload="supervisord"} 0.0' in metrics
        assert "highway_disk_size_bytes 1.048576e+06" in metrics
        print(f"{psutil.Process(service.process.pid).memory_info().rss / MEBIBYTE:.0f} MiB")
        assert psutil.Process(service.process.pid).memory_info().rss < 80 * MEBIBYTE
        listening = psutil.Process(service.process.pid).net_connections()
        assert {c.laddr.ip for c in listening if c.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
    assert service.process.returncode == 0
