"""Services under a real supervisord: what is declared runs, whatever is killed."""

import os
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from infra.cli.console import stages
from infra.cli.up import wait_until_ready
from infra.contracts.workload import DataClassification, Job, Probe, Service
from infra.local.home import Home
from infra.local.processes import end, marked
from infra.local.supervisor import Supervisor, WorkloadFailedError

BACK_SECONDS = 10


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = Home(tmp_path / "repo" / ".highway")
    made.root.mkdir(parents=True)
    yield made
    supervisor = Supervisor(made)
    for name in supervisor.declared():
        supervisor.remove(name)
    supervisor.shut_down()
    left = marked(made.root)
    end(left, patience_seconds=1)
    assert left == [], "a test left processes behind"


def web(name: str = "web", *arguments: str, failure_threshold: int = 40) -> Service:
    return Service(
        name=name,
        owner="test",
        data_classification=DataClassification.PUBLIC,
        command=("python", "-m", "http.server", "$(PORT)", "--bind", "127.0.0.1", *arguments),
        port=8080,
        readiness=Probe(path="/", period_seconds=0.2, failure_threshold=failure_threshold),
        drain_seconds=2,
    )


def eventually(condition: Callable[[], bool], seconds: float = BACK_SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_an_applied_service_answers_and_applying_it_again_changes_nothing(home: Home):
    supervisor = Supervisor(home)
    running = supervisor.apply(web())
    with urllib.request.urlopen(f"http://{running.address}/") as answer:
        assert answer.status == 200
    before = supervisor.status("web")
    assert supervisor.apply(web()) == running
    assert supervisor.status("web") == before
    assert supervisor.read("web") == web()


@pytest.mark.proof
def test_a_changed_spec_replaces_the_process_and_keeps_the_port(home: Home):
    supervisor = Supervisor(home)
    first = supervisor.apply(web())
    pid = supervisor.rpc().getProcessInfo("web")["pid"]
    second = supervisor.apply(web("web", "--protocol", "HTTP/1.1"))
    assert second.address == first.address
    assert second.spec_digest != first.spec_digest
    assert supervisor.rpc().getProcessInfo("web")["pid"] != pid


def test_a_killed_service_is_back(home: Home):
    supervisor = Supervisor(home)
    supervisor.apply(web())
    os.kill(supervisor.rpc().getProcessInfo("web")["pid"], signal.SIGKILL)
    assert eventually(lambda: supervisor.is_ready("web"))
    status = supervisor.status("web")
    assert status is not None
    assert status.restarts == 1


@pytest.mark.proof
def test_after_a_kill_of_supervisord_each_service_runs_once(home: Home):
    supervisor = Supervisor(home)
    supervisor.apply(web())
    orphan = psutil.Process(supervisor.rpc().getProcessInfo("web")["pid"])
    daemon = psutil.Process(supervisor.rpc().getPID())
    daemon.kill()
    daemon.wait()
    assert orphan.is_running(), "the service outlives its supervisor: that is the danger"
    assert supervisor.ensure_alive()
    assert eventually(lambda: supervisor.is_ready("web"))
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
    assert len(marked(home.root, "web")) == 1


@pytest.mark.proof
def test_a_plan_altered_by_hand_is_no_longer_what_was_declared(home: Home):
    supervisor = Supervisor(home)
    supervisor.apply(web())
    path = home.run / "workloads" / "web.json"
    path.write_text(path.read_text().replace("http.server", "http.client"))
    assert supervisor.read("web") is None
    supervisor.apply(web())
    assert supervisor.read("web") == web()


@pytest.mark.proof
def test_a_stopped_service_is_seen_and_mended(home: Home):
    supervisor = Supervisor(home)
    supervisor.apply(web())
    supervisor.stop("web")
    assert supervisor.read("web") is None
    supervisor.apply(web())
    assert supervisor.is_ready("web")


def test_a_service_that_never_gets_ready_is_told_with_its_last_words(home: Home):
    broken = web(failure_threshold=150).model_copy(
        update={"command": ("python", "-c", "raise SystemExit('no such database')")}
    )
    with pytest.raises(WorkloadFailedError, match=r"web keeps ending.*highway logs web.*no such database"):
        Supervisor(home).apply(broken)


@pytest.mark.proof
def test_a_program_that_is_not_there_is_told(home: Home):
    absent = web(failure_threshold=150).model_copy(update={"command": ("no-such-program",)})
    with pytest.raises(WorkloadFailedError, match="no program 'no-such-program' on PATH"):
        Supervisor(home).apply(absent)


@pytest.mark.proof
def test_what_was_stopped_by_hand_is_started_again(home: Home):
    supervisor = Supervisor(home)
    supervisor.apply(web())
    supervisor.stop("web")
    assert supervisor.start_stopped() == ["web"]
    assert eventually(lambda: supervisor.is_ready("web"))
    assert supervisor.start_stopped() == []


@pytest.mark.proof
def test_removing_with_a_dead_supervisor_ends_the_orphan_too(home: Home):
    supervisor = Supervisor(home)
    supervisor.apply(web())
    daemon = psutil.Process(supervisor.rpc().getPID())
    daemon.kill()
    daemon.wait()
    assert len(marked(home.root, "web")) == 1
    supervisor.remove("web")
    assert marked(home.root, "web") == []


def test_removing_stops_gives_the_port_back_and_can_be_repeated(home: Home):
    supervisor = Supervisor(home)
    supervisor.apply(web())
    supervisor.remove("web")
    supervisor.remove("web")
    assert marked(home.root, "web") == []
    assert supervisor.declared() == []


@pytest.mark.proof
def test_nothing_of_the_callers_environment_leaks_into_a_service(home: Home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    supervisor = Supervisor(home)
    supervisor.apply(web())
    (process,) = marked(home.root, "web")
    assert "AWS_SECRET_ACCESS_KEY" not in process.environ()


def test_the_admin_socket_is_its_owners_alone(home: Home):
    supervisor = Supervisor(home)
    supervisor.ensure_alive()
    assert supervisor.socket.stat().st_mode & 0o077 == 0
    assert supervisor.socket.parent.stat().st_mode & 0o077 == 0


def test_a_job_whose_caller_was_killed_is_not_missed_like_a_service(home: Home):
    supervisor = Supervisor(home)
    service = web()
    job = Job(
        name="train-ingest",
        owner="test",
        data_classification=DataClassification.PUBLIC,
        command=("python", "-c", "raise SystemExit(3)"),
    )
    supervisor.apply(service)
    supervisor.start_job(job, {}, home.logs / "jobs" / "train-ingest.log")
    assert supervisor.declared() == ["train-ingest", "web"]
    assert supervisor.services() == ["web"]
    assert eventually(lambda: any(s.name == job.name and s.state == "EXITED" for s in supervisor.statuses()))
    assert not supervisor.is_ready(job.name)
    with stages() as shown, shown.stage("services") as stage:
        wait_until_ready(home, stage)
