"""Releases as they are: real supervisor, gateway, controller and revisions, under traffic and faults."""

import asyncio
import http.client
import os
import signal
import sys
import threading
import time
from collections import Counter

import psutil
import pytest

from infra.contracts.events import EVENT
from infra.contracts.files import write_atomically
from infra.contracts.ledger import OUTBOX_VARIABLE, TOKEN_FILE_VARIABLE, URL_VARIABLE
from infra.contracts.names import LEDGER_SECRET, RELEASE_INFO
from infra.contracts.release import CanaryStep, Release
from infra.contracts.workload import DataClassification, Probe, Service
from infra.local.gateway import Gateway, gateway_service
from infra.local.processes import marked
from infra.local.revisions import revision_name
from infra.local.routes import Route
from infra.local.split import Split, split_directory
from infra.local.supervisor import Supervisor
from infra.operations.releases.state import Phase, StateFile
from tests.support.gateway import ECHO, short_home
from tests.support.service import free_port
from tests.support.traffic import Report, send

pytestmark = pytest.mark.proof
STEPS = (CanaryStep(weight_percent=20, hold_seconds=1.5), CanaryStep(weight_percent=50, hold_seconds=1.5))


def revision(version: str, **changes: object) -> Release:
    fields = {
        "name": "app",
        "owner": "product",
        "data_classification": DataClassification.PUBLIC,
        "command": (sys.executable, "-S", str(ECHO), "$(PORT)", version),
        "port": 8080,
        "readiness": Probe(path="/ready", period_seconds=0.2, failure_threshold=50),
        "metrics_path": "/metrics",
    }
    return Release(name="app", version=version, steps=STEPS, service=Service.model_validate(fields | changes))


class Stage:
    """One highway with a gateway and a controller, whose ledger is down all the time."""

    def __init__(self, home):
        self.home = home
        self.supervisor = Supervisor(home)
        write_atomically(home.secret(LEDGER_SECRET), "a token")
        Gateway(home).put(Route(name="app", split_directory=str(split_directory(home, "app"))))
        self.gateway = self.supervisor.apply(gateway_service(home, 8080)).address
        self.controller = self.supervisor.apply(
            Service(
                name="releases",
                owner="platform",
                data_classification=DataClassification.INTERNAL,
                command=("python", "-m", "infra.operations.releases"),
                environment={
                    URL_VARIABLE: f"http://127.0.0.1:{free_port()}",
                    OUTBOX_VARIABLE: str(home.outbox),
                },
                secrets={TOKEN_FILE_VARIABLE: LEDGER_SECRET},
                port=8080,
                readiness=Probe(path="/health", period_seconds=0.2, failure_threshold=100),
            )
        ).address

    def want(self, release: Release | None) -> None:
        """As the provider writes and removes it."""
        path = self.home.releases / "app.json"
        if release is None:
            path.unlink()
        else:
            write_atomically(path, release.model_dump_json())

    def wait(self, is_so, seconds: float = 40):
        """Until the state is as asked; returns it."""
        deadline = time.monotonic() + seconds
        while True:
            state = StateFile.of(self.home.releases, "app").load()
            if state and is_so(state):
                return state
            assert time.monotonic() < deadline, f"still {state.model_dump_json(indent=1) if state else None}"
            time.sleep(0.05)

    def wait_for(self, phase: Phase, release: Release):
        return self.wait(lambda state: state.phase is phase and state.release == release and not state.retiring)

    def kill(self, name: str) -> None:
        os.kill(self.supervisor.status(name).pid, signal.SIGKILL)

    def ask(self, address: str, path: str = "/") -> tuple[int, str]:
        connection = http.client.HTTPConnection(address, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def revisions(self) -> set[str]:
        return {name for name in self.supervisor.declared() if name.startswith("app-")}


class Traffic(threading.Thread):
    """Predictions at 200/s beside what the test does; `with` waits for the last answer."""

    def __init__(self, address: str, seconds: float) -> None:
        super().__init__()
        self._send = lambda: send(address, path="/predict", requests=int(200 * seconds), rate=200.0)
        self.report = Report()

    def run(self) -> None:
        self.report = asyncio.run(self._send())

    def __enter__(self) -> "Traffic":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.join()


@pytest.fixture(scope="module")
def stage():
    with short_home() as home:
        prepared = Stage(home)
        try:
            yield prepared
        finally:
            prepared.supervisor.shut_down()
            assert marked(home.root) == [], "nothing outlives the supervisor"


def test_a_canary_loses_nothing_though_the_controller_is_killed_and_the_intent_written_again(stage):
    one, two = revision("1"), revision("2")
    assert stage.ask(stage.gateway)[0] == 503
    stage.want(one)
    stage.wait_for(Phase.PROMOTED, one)
    assert stage.ask(stage.gateway) == (200, "1")

    with Traffic(stage.gateway, seconds=12) as traffic:
        time.sleep(1)
        stage.want(two)
        shifting = stage.wait(lambda state: state.phase is Phase.SHIFTING and state.step == 0)
        stage.kill("releases")
        before = Split(split_directory(stage.home, "app")).read()
        assert before.weight_percent == 20
        stage.want(two)
        assert Split(split_directory(stage.home, "app")).read() == before
        done = stage.wait_for(Phase.PROMOTED, two)
    assert done.release_id == shifting.release_id, "resumed, not begun again"
    assert traffic.report.lost == []
    assert traffic.report.connections == 16
    assert Counter(answer.body for answer in traffic.report.answers).keys() == {"1", "2"}
    assert max(traffic.report.answers, key=lambda answer: answer.sent).body == "2"
    assert stage.revisions() == {revision_name(two)}
    assert [path.stem for path in stage.home.scrape_targets.glob("*.json")] == [revision_name(two)]
    print(f"\nslowest answer {traffic.report.slowest_seconds * 1000:.0f} ms")


def test_what_cannot_start_is_rolled_back_and_the_stable_revision_never_stops(stage):
    two = stage.wait(lambda state: state.phase is Phase.PROMOTED).stable
    pid = stage.supervisor.status(revision_name(two.release)).pid
    crashing = revision("3", command=(sys.executable, "-S", "-c", "raise SystemExit('no model')"))
    missing = revision("4", bundle="sha256:" + "0" * 64)
    with Traffic(stage.gateway, seconds=10) as traffic:
        stage.want(crashing)
        assert "no model" in stage.wait_for(Phase.ROLLED_BACK, crashing).reason
        stage.want(missing)
        assert "no bundle sha256:000" in stage.wait_for(Phase.ROLLED_BACK, missing).reason
    assert traffic.report.lost == []
    assert {answer.body for answer in traffic.report.answers} == {"2"}
    assert stage.supervisor.status(revision_name(two.release)).pid == pid
    assert stage.revisions() == {revision_name(two.release)}


def test_a_candidate_that_dies_while_it_is_watched_is_rolled_back(stage):
    two = stage.wait(lambda state: state.phase is not Phase.SHIFTING).stable
    five = revision("5")
    with Traffic(stage.gateway, seconds=6) as traffic:
        stage.want(five)
        stage.wait(lambda state: state.phase is Phase.SHIFTING)
        stage.kill(revision_name(five))
        reason = stage.wait_for(Phase.ROLLED_BACK, five).reason
    assert revision_name(five) in reason
    assert len(traffic.report.lost) <= 4, "at most what it had under way when it was killed"
    assert stage.ask(stage.gateway) == (200, "2")
    assert stage.revisions() == {revision_name(two.release)}
    print(f"\n{len(traffic.report.lost)} lost with the candidate; {reason}")


def test_it_shows_what_serves_and_only_one_controller_works(stage):
    status, metrics = stage.ask(stage.controller, "/metrics")
    assert status == 200
    assert f'{RELEASE_INFO}{{phase="rolled_back",revision=' in metrics
    assert 'highway_release_candidate_weight_percent{service="app"} 0.0' in metrics
    environment = psutil.Process(stage.supervisor.status("releases").pid).environ() | {"PORT": str(free_port())}
    environment.pop("HIGHWAY_WORKLOAD")
    second = psutil.Popen(["python", "-m", "infra.operations.releases"], env=environment, stderr=-1, stdin=-3)
    told = second.communicate(timeout=60)[1]
    assert told.startswith(b"another release controller works on")
    assert told.count(b"\n") == 1
    assert second.returncode == 1


def test_without_an_intent_everything_of_the_app_is_gone(stage):
    stage.want(None)
    stage.wait(lambda state: state.phase is Phase.IDLE and not state.retiring)
    assert stage.ask(stage.gateway)[0] == 503
    assert stage.revisions() == set()
    assert list(stage.home.scrape_targets.glob("*.json")) == []


def test_every_step_waits_in_the_outbox_for_the_ledger(stage):
    events = [EVENT.validate_json(path.read_text()) for path in stage.home.outbox.glob("*.json")]
    told = [
        (event.summary.split()[1], event.phase, event.candidate_weight_percent)
        for event in sorted(events, key=lambda event: event.event_time)
    ]
    assert told == [
        ("1", "announced", 0), ("1", "promoted", 100),
        ("2", "announced", 0), ("2", "shifting", 20), ("2", "shifting", 50), ("2", "promoted", 100),
        ("3", "announced", 0), ("3", "rolled_back", 0),
        ("4", "announced", 0), ("4", "rolled_back", 0),
        ("5", "announced", 0), ("5", "shifting", 20), ("5", "rolled_back", 0),
    ]  # fmt: skip
