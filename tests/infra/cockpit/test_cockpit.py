"""The cockpit over a real ledger, and over a server that says what Prometheus says."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi.testclient import TestClient

from infra.cockpit.app import create_app
from infra.cockpit.settings import CockpitSettings
from infra.cockpit.wording import ago
from infra.contracts.clock import SystemClock
from infra.contracts.events import (
    CheckRun,
    IntegrationRun,
    Lane,
    Outcome,
    PipelineStepRun,
    ReleaseStep,
    TrainingRun,
)
from infra.contracts.ledger import LedgerClient
from infra.operations.ledger.app import create_app as create_ledger
from infra.operations.ledger.settings import LedgerSettings
from tests.support.service import free_port

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
COMMON: dict[str, Any] = {"event_time": NOON, "recorded_at": NOON, "actor": "test"}
WATCHDOG = {"labels": {"alertname": "Watchdog", "severity": "none"}, "annotations": {}, "state": "firing",
            "activeAt": "2026-01-05T12:00:00Z"}  # fmt: skip
DISK = {"labels": {"alertname": "DiskFilling", "severity": "page"}, "state": "firing",
        "activeAt": "2026-01-05T12:00:00Z",
        "annotations": {"summary": "5% is left",
                        "runbook_url": "http://127.0.0.1:1/runbooks/DiskFilling.md"}}  # fmt: skip
UP = {"labels": {"service": "ledger"}, "health": "up", "scrapeUrl": "http://127.0.0.1:1/metrics"}


class Prometheus:
    """Answers as Prometheus' HTTP API does (version 2.42), with whatever a test puts here."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = [WATCHDOG]
        self.targets: list[dict[str, Any]] = [UP]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.headers["Authorization"] != "Basic aGlnaHdheTpzZWNyZXQ=":
                    self.send_error(401)
                    return
                is_alerts = self.path.startswith("/api/v1/alerts")
                data = {"alerts": outer.alerts} if is_alerts else {"activeTargets": outer.targets}
                body = json.dumps({"status": "success", "data": data}).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    prometheus = Prometheus()
    thread = threading.Thread(target=prometheus.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield prometheus
    prometheus.server.shutdown()
    thread.join()
    prometheus.server.server_close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[LedgerClient]:
    (tmp_path / "token").write_text("a-token")
    settings = LedgerSettings(database=f"sqlite:///{tmp_path / 'ledger.db'}", token_file=tmp_path / "token")
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(create_ledger(settings), port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    yield LedgerClient(f"http://127.0.0.1:{port}", tmp_path / "token", tmp_path / "outbox")
    server.should_exit = True
    thread.join()


@pytest.fixture
def settings(tmp_path: Path, ledger: LedgerClient, prometheus: Prometheus) -> CockpitSettings:
    (tmp_path / "operator-password").write_text("secret")
    return CockpitSettings(
        ledger=ledger, prometheus_url=prometheus.url, password_file=tmp_path / "operator-password",
        registry_url="http://127.0.0.1:2", gateway_url="http://127.0.0.1:3",
    )  # fmt: skip


@pytest.fixture
def client(settings: CockpitSettings) -> TestClient:
    return TestClient(create_app(settings))


def lanes(client: TestClient) -> dict[str, dict[str, Any]]:
    return {lane["lane"]: lane for lane in client.get("/api/lanes").json()}


def test_a_new_highway_is_grey_and_never_green(client, prometheus):
    prometheus.alerts, prometheus.targets = [], []
    assert {name: lane["state"] for name, lane in lanes(client).items()} == dict.fromkeys(
        ("CI", "CD", "CM", "CT"), "no data yet"
    )
    assert 'class="lane green"' not in client.get("/").text


def test_each_lane_shows_its_last_event_state_and_link(client, ledger):
    ledger.record(IntegrationRun(**COMMON, outcome=Outcome.FAILED, subject="main", summary="unit tests failed",
                                 branch="main", commit="abcdef0123456789", url="http://127.0.0.1:4/run"))  # fmt: skip
    ledger.record(TrainingRun(**COMMON, outcome=Outcome.PASSED, subject="flight-delay", summary="version 1 registered",
                              run_id="r"))  # fmt: skip
    ledger.record(ReleaseStep(**COMMON, outcome=Outcome.STARTED, subject="flight-delay", summary="10 % of traffic",
                              release_id="r", phase="shifting", candidate_weight_percent=10))  # fmt: skip
    seen = lanes(client)
    assert {name: lane["state"] for name, lane in seen.items()} == {
        "CI": "red", "CD": "moving", "CM": "green", "CT": "green"}  # fmt: skip
    assert seen["CI"]["link"] == "http://127.0.0.1:4/run"
    assert seen["CT"]["link"] == "http://127.0.0.1:2"
    page = client.get("/").text
    for text in ("unit tests failed", "abcdef0123", "version 1 registered", "10 % of traffic", "the last run failed"):
        assert text in page


def test_the_next_good_run_turns_a_red_lane_green(client, ledger):
    for minute, outcome in enumerate((Outcome.FAILED, Outcome.PASSED)):
        later = COMMON | {"recorded_at": NOON + timedelta(minutes=minute)}
        ledger.record(IntegrationRun(**later, outcome=outcome, subject="main", summary="run", branch="main"))
        assert lanes(client)["CI"]["state"] == ("red", "green")[minute]


def training(outcome: Outcome, age: timedelta, id_: str = "run") -> TrainingRun:
    then = SystemClock().now() - age
    return TrainingRun(
        id=id_, event_time=NOON, recorded_at=then, actor="test", outcome=outcome, subject="train", summary=f"{outcome}",
        run_id="run",
    )  # fmt: skip


def step_of_training(age: timedelta) -> PipelineStepRun:
    then = SystemClock().now() - age
    return PipelineStepRun(
        event_time=NOON, recorded_at=then, actor="test", outcome=Outcome.PASSED, subject="train", summary="a step",
        run_id="run", step="features", attempt=1,
    )  # fmt: skip


def test_training_moves_from_its_start_to_its_end_whatever_its_steps_say(client, ledger):
    ledger.record(training(Outcome.STARTED, timedelta(minutes=3), "run-started"))
    assert lanes(client)["CT"]["state"] == "moving"
    ledger.record(step_of_training(timedelta(minutes=2)))
    assert (lanes(client)["CT"]["state"], lanes(client)["CT"]["last_event"]["summary"]) == ("moving", "started")
    ledger.record(training(Outcome.PASSED, timedelta(minutes=1)))
    assert lanes(client)["CT"]["state"] == "green"


def test_a_training_whose_process_was_killed_does_not_move_for_ever(client, ledger):
    ledger.record(training(Outcome.STARTED, timedelta(hours=3), "run-started"))
    seen = lanes(client)["CT"]
    assert seen["state"] == "unknown"
    assert seen["reason"] == "a run started and was not heard of for an hour: run highway train again"
    ledger.record(step_of_training(timedelta(minutes=50)))
    assert lanes(client)["CT"]["state"] == "moving", "its steps are a sign of life"


def test_a_suite_of_tests_is_no_run_of_the_integration_lane(client, ledger):
    ledger.record(IntegrationRun(**COMMON, outcome=Outcome.FAILED, subject="main", summary="failed", branch="main"))
    later = COMMON | {"recorded_at": NOON + timedelta(minutes=1)}
    ledger.record(CheckRun(**later, lane=Lane.INTEGRATION, outcome=Outcome.PASSED, subject="main", summary="a suite",
                           check="suite.model", suite="model", run_id="r"))  # fmt: skip
    assert lanes(client)["CI"]["state"] == "red"


def test_a_firing_alert_turns_monitoring_red_and_links_its_runbook(client, prometheus):
    prometheus.alerts = [WATCHDOG, DISK, DISK | {"state": "pending"}]
    lane = lanes(client)["CM"]
    assert lane["state"] == "red"
    assert lane["reason"].startswith("1 alert firing")
    assert lane["facts"] == [{"text": "DiskFilling: 5% is left", "url": "http://127.0.0.1:1/runbooks/DiskFilling.md"}]
    assert "Watchdog" not in client.get("/").text


def test_a_target_that_is_down_turns_monitoring_red(client, prometheus):
    prometheus.targets = [UP, UP | {"health": "down", "labels": {"service": "mlflow"}}, UP | {"health": "unknown"}]
    lane = lanes(client)["CM"]
    assert (lane["state"], lane["facts"][0]["text"]) == ("red", "no metrics from mlflow")


def test_silence_without_evaluation_is_not_green(client, prometheus):
    prometheus.alerts = []
    assert lanes(client)["CM"]["state"] == "no data yet"


def test_a_source_that_does_not_answer_is_unknown_with_the_reason(settings):
    gone = settings.ledger.__class__("http://127.0.0.1:9", settings.ledger.token_file, settings.ledger.outbox)
    client = TestClient(create_app(settings.model_copy(update={"ledger": gone})))
    seen = lanes(client)
    assert {lane["state"] for lane in seen.values()} == {"unknown"}
    assert "does not answer" in seen["CI"]["reason"]
    client = TestClient(create_app(settings.model_copy(update={"prometheus_url": "http://127.0.0.1:9"})))
    assert lanes(client)["CM"]["state"] == "unknown"
    assert "Prometheus does not answer" in client.get("/").text
    assert lanes(client)["CI"]["state"] == "no data yet"


def test_a_wrong_password_is_unknown_and_not_shown(settings, tmp_path):
    (tmp_path / "operator-password").write_text("wrong-password")
    page = TestClient(create_app(settings)).get("/").text
    assert "Prometheus refused: 401" in page
    assert "wrong-password" not in page


def test_what_events_say_is_text_and_only_web_links_are_links(client, ledger):
    ledger.record(IntegrationRun(**COMMON, outcome=Outcome.PASSED, subject="main", branch="main",
                                 summary="<script>alert(1)</script>", url="javascript:alert(1)"))  # fmt: skip
    answer = client.get("/")
    assert "<script>alert" not in answer.text
    assert "javascript:" not in answer.text
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


def test_alerts_lead_to_their_runbooks_and_nowhere_else(client):
    assert "## Mitigation" in client.get("/runbooks/alerts/storage/DiskFilling.md").text
    for path in ("../README.md", "alerts", "alerts/storage/Nothing.md", "%2e%2e/README.md", "/etc/hostname",
                 "a%00.md", f"{'a' * 300}.md"):  # fmt: skip
        assert client.get(f"/runbooks/{path}").status_code == 404, path


def test_health_and_metrics_answer(client):
    assert client.get("/health").json() == {"status": "ok"}
    client.get("/")
    assert 'cockpit_lane_state{lane="CM",state="green"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "just now"), (0, "just now"), (1, "1 second ago"), (119, "1 minute ago"), (7200, "2 hours ago"),
     (200000, "2 days ago")],
)  # fmt: skip
def test_times_are_said_as_people_say_them(seconds, words):
    assert ago(NOON, NOON + timedelta(seconds=seconds)) == words
