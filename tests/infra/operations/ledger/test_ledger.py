"""The ledger service through its HTTP interface, over a real SQLite file."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import alembic.op
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from infra.contracts.events import EVENT, EVENTS, CheckRun, IntegrationRun, Outcome, PipelineStepRun, TrainingRun
from infra.operations.ledger.app import KINDS, create_app
from infra.operations.ledger.database import migrate, open_database
from infra.operations.ledger.settings import LedgerSettings
from infra.operations.secret_files import SecretFileError

TOKEN = "a-token"
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'data' / 'ledger.db'}"


@pytest.fixture
def client(tmp_path: Path, database: str) -> TestClient:
    token = tmp_path / "ledger-token"
    token.write_text(TOKEN + "\n")
    return TestClient(create_app(LedgerSettings(database=database, token_file=token)), headers=BEARER)


def step(outcome: Outcome, minute: int = 0, name: str = "train") -> PipelineStepRun:
    moment = NOON + timedelta(minutes=minute)
    return PipelineStepRun(
        event_time=moment, recorded_at=moment, outcome=outcome, subject="flight-delay", summary=f"{name} {outcome}",
        actor="pipeline", run_id="run-1", step=name, attempt=1,
    )  # fmt: skip


def send(client: TestClient, *events: object) -> dict[str, int]:
    answer = client.post("/events", content=EVENTS.dump_json(list(events)))  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_an_event_delivered_twice_is_recorded_once_and_comes_back_as_it_was_sent(client):
    event = step(Outcome.PASSED)
    assert send(client, event) == {"recorded": 1, "known_before": 0}
    assert send(client, event, step(Outcome.FAILED, 1)) == {"recorded": 1, "known_before": 1}
    found = EVENTS.validate_json(client.get("/events").content)
    assert len(found) == 2
    assert found[1] == event


def test_the_newest_events_come_first_and_can_be_chosen_by_kind_subject_and_lane(client):
    training = TrainingRun(
        event_time=NOON + timedelta(hours=1), recorded_at=NOON + timedelta(hours=1), outcome=Outcome.PASSED,
        subject="flight-delay", summary="trained", actor="pipeline", run_id="run-1",
    )  # fmt: skip
    push = IntegrationRun(
        event_time=NOON, recorded_at=NOON, outcome=Outcome.PASSED, subject="main", summary="ok", actor="runner",
        branch="main",
    )  # fmt: skip
    send(client, training, push, step(Outcome.PASSED))

    def kinds(query: str) -> list[str]:
        return [event["kind"] for event in client.get(f"/events?{query}").json()]

    assert kinds("lane=CT") == ["training_run", "pipeline_step_run"]
    assert kinds("lane=CT&limit=1") == ["training_run"]
    assert kinds("kind=integration_run") == ["integration_run"]
    assert kinds("subject=flight-delay&kind=pipeline_step_run") == ["pipeline_step_run"]
    assert kinds("lane=CD") == []


@pytest.mark.parametrize("headers", [{"Authorization": ""}, {"Authorization": "Bearer other"},
                                     {"Authorization": "Basic YS10b2tlbg=="}])  # fmt: skip
@pytest.mark.parametrize(("method", "path"), [("GET", "/events"), ("POST", "/events"), ("POST", "/alerts")])
def test_reading_and_writing_need_the_token(client, method, path, headers):
    answer = client.request(method, path, headers=headers, content="[]")
    assert answer.status_code == 401
    assert "ledger-token" in answer.json()["detail"]
    assert TOKEN not in answer.text


def test_a_bad_event_is_refused_with_its_place_and_nothing_of_its_batch_is_recorded(client):
    bad = EVENT.dump_json(step(Outcome.PASSED)).replace(b'"attempt":1', b'"attempt":"many"')
    answer = client.post("/events", content=b"[" + EVENT.dump_json(step(Outcome.PASSED)) + b"," + bad + b"]")
    assert answer.status_code == 422
    assert answer.json()["detail"][0].startswith("1.pipeline_step_run.attempt: ")
    assert client.get("/events").json() == []


@pytest.mark.parametrize(("query", "says"), [("kind=rumour", "integration_run"), ("lane=XX", "CI"),
                                             ("limit=0", "greater"), ("limit=5000", "1000")])  # fmt: skip
def test_a_bad_question_is_refused_with_what_is_allowed(client, query, says):
    answer = client.get(f"/events?{query}")
    assert answer.status_code == 422
    assert says in answer.text
    assert "pipeline_step_run" in KINDS


@pytest.mark.parametrize("change", ["UPDATE events SET outcome = 'passed'", "DELETE FROM events"])
def test_what_is_recorded_cannot_be_changed(client, database, change):
    send(client, step(Outcome.FAILED))
    engine = create_engine(database)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(change))
    engine.dispose()
    assert client.get("/events").json()[0]["outcome"] == "failed"


def test_metrics_say_when_each_step_last_passed_and_failed_and_count_events(client):
    send(client, step(Outcome.FAILED, 1), step(Outcome.PASSED, 2), step(Outcome.FAILED, 3), step(Outcome.STARTED, 4))
    metrics = client.get("/metrics", headers={"Authorization": ""}).text
    labels = '{pipeline="flight-delay",step="train"}'
    passed, failed = ((NOON + timedelta(minutes=minute)).timestamp() for minute in (2, 3))
    assert f"job_last_success_timestamp_seconds{labels} {passed!r}" in _exact(metrics)
    assert f"job_last_failure_timestamp_seconds{labels} {failed!r}" in _exact(metrics)
    assert 'ledger_events_total{kind="pipeline_step_run",outcome="failed"} 2.0' in metrics


def check(outcome: Outcome, minute: int, name: str = "flights.rows", subject: str = "train") -> CheckRun:
    moment = NOON + timedelta(minutes=minute)
    return CheckRun(
        event_time=moment, recorded_at=moment, outcome=outcome, subject=subject, summary="seen", actor="pipelines",
        check=name, suite="data", run_id="run-1",
    )  # fmt: skip


def test_metrics_tell_the_latest_verdict_of_each_check(client):
    send(
        client,
        check(Outcome.PASSED, 1),
        check(Outcome.FAILED, 3),
        check(Outcome.PASSED, 2),
        check(Outcome.FAILED, 1, "carrier/AA"),
        check(Outcome.PASSED, 2, "carrier/AA"),
        check(Outcome.PASSED, 5, subject="other"),
    )
    metrics = client.get("/metrics", headers={"Authorization": ""}).text
    told = [line for line in metrics.splitlines() if line.startswith("highway_check_passed")]
    assert told == [
        'highway_check_passed{check="flights.rows",subject="other",suite="data"} 1.0',
        'highway_check_passed{check="carrier/AA",subject="train",suite="data"} 1.0',
        'highway_check_passed{check="flights.rows",subject="train",suite="data"} 0.0',
    ]
    assert "job_last_success_timestamp_seconds{" not in metrics, "a check is no step of a job"


def _exact(metrics: str) -> list[str]:
    """Lines with their value as Python prints it, since exporters may choose 1.7e+09."""
    lines = (line.rsplit(" ", 1) for line in metrics.splitlines() if line and not line.startswith("#"))
    return [f"{name} {float(value)!r}" for name, value in lines]


def test_alerts_become_events_once_however_often_alertmanager_repeats_them(client):
    alert = {
        "status": "firing", "labels": {"alertname": "ServiceDown", "severity": "page", "service": "mlflow"},
        "annotations": {"summary": "mlflow is down", "runbook_url": "http://127.0.0.1:1/runbooks/ServiceDown"},
        "startsAt": "2026-01-05T12:00:00.5Z", "endsAt": "0001-01-01T00:00:00Z", "fingerprint": "f1", "generatorURL": "",
    }  # fmt: skip
    firing = {"version": "4", "status": "firing", "receiver": "ledger", "alerts": [alert]}
    resolved = firing | {"alerts": [alert | {"status": "resolved", "endsAt": "2026-01-05T12:01:00Z"}]}
    for notification in (firing, firing, resolved, resolved):
        assert client.post("/alerts", json=notification).status_code == 200
    events = client.get("/events?kind=alert_change").json()
    assert [(e["subject"], e["outcome"], e["severity"]) for e in events] == [
        ("ServiceDown", "passed", "page"),
        ("ServiceDown", "failed", "page"),
    ]
    assert events[1]["event_time"].startswith("2026-01-05T12:00:00.5")
    assert events[1]["url"].endswith("/runbooks/ServiceDown")


def test_a_notification_of_another_version_is_refused(client):
    answer = client.post("/alerts", json={"version": "3", "alerts": []})
    assert answer.status_code == 422


def test_what_was_recorded_is_there_after_a_restart(client, tmp_path, database):
    send(client, step(Outcome.PASSED))
    again = TestClient(
        create_app(LedgerSettings(database=database, token_file=tmp_path / "ledger-token")), headers=BEARER
    )
    assert len(again.get("/events").json()) == 1
    with create_engine(database).connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"


def test_a_migration_that_is_cut_short_leaves_nothing_behind(database, monkeypatch):
    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(alembic.op, "execute", cut)
        with pytest.raises(KeyboardInterrupt):
            open_database(database)
    assert inspect(create_engine(database)).get_table_names() == []
    migrate(open_database(database))


def test_a_database_that_cannot_serve_is_a_503_that_says_why(client, database):
    with create_engine(database).begin() as connection:
        connection.execute(text("DROP TABLE events"))
    assert client.get("/health").status_code == 503
    answer = client.post("/events", content=EVENTS.dump_json([step(Outcome.PASSED)]))
    assert answer.status_code == 503
    assert "no such table" in answer.json()["detail"]


@pytest.mark.parametrize("content", [None, "\n"])
def test_a_ledger_without_a_token_does_not_start(tmp_path, database, content):
    token = tmp_path / "ledger-token"
    if content is not None:
        token.write_text(content)
    with pytest.raises(SecretFileError, match="highway up"):
        create_app(LedgerSettings(database=database, token_file=token))
