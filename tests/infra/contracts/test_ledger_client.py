"""The outbox: nothing is lost, nothing is sent twice, and one bad event holds up no other."""

import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn

from infra.contracts.events import DrillRun, Outcome
from infra.contracts.ledger import BATCH, LedgerClient
from infra.operations.ledger.app import create_app
from infra.operations.ledger.settings import LedgerSettings

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def drill(subject: str) -> DrillRun:
    return DrillRun(
        event_time=NOW, recorded_at=NOW, outcome=Outcome.PASSED, subject=subject, summary="drilled", actor="test"
    )


@pytest.fixture
def client(tmp_path: Path) -> LedgerClient:
    """Of a ledger that is not there yet."""
    (tmp_path / "token").write_text("t" * 40)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    return LedgerClient(f"http://127.0.0.1:{port}", tmp_path / "token", tmp_path / "outbox")


@pytest.fixture
def ledger(client: LedgerClient, tmp_path: Path) -> Iterator[None]:
    settings = LedgerSettings(database=f"sqlite:///{tmp_path / 'ledger.db'}", token_file=client.token_file)
    port = int(client.url.rpartition(":")[2])
    server = uvicorn.Server(uvicorn.Config(create_app(settings), port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield
    server.should_exit = True
    thread.join()


def test_what_is_recorded_while_the_ledger_is_down_waits(client: LedgerClient):
    assert not client.record(drill("a"))
    assert not client.record(drill("b"))
    assert len(list(client.outbox.glob("*.json"))) == 2


@pytest.mark.usefixtures("ledger")
def test_what_waited_is_delivered_with_the_next_event_and_once(client: LedgerClient):
    client.keep(drill("a"))
    assert client.record(drill("b"))
    assert {event.subject for event in client.query()} == {"a", "b"}
    assert list(client.outbox.iterdir()) == []
    assert client.deliver() == 0


@pytest.mark.usefixtures("ledger")
def test_an_event_of_a_version_that_the_ledger_does_not_know_is_set_aside(client: LedgerClient):
    client.keep(drill("a"))
    (client.outbox / "newer.json").write_text('{"kind": "from_the_future"}')
    assert client.record(drill("b"))
    assert {event.subject for event in client.query()} == {"a", "b"}
    assert [path.name for path in (client.outbox / "refused").iterdir()] == ["newer.json"]


@pytest.mark.usefixtures("ledger")
def test_a_wrong_token_sets_nothing_aside(client: LedgerClient):
    client.token_file.write_text("w" * 40)
    stranger = LedgerClient(client.url, client.outbox.parent / "other", client.outbox)
    stranger.token_file.write_text("wrong")
    assert not stranger.record(drill("a"))
    assert len(list(client.outbox.glob("*.json"))) == 1


def test_a_ledger_that_is_killed_in_mid_answer_loses_nothing_and_raises_nothing(client: LedgerClient):
    with socket.create_server(("127.0.0.1", int(client.url.rpartition(":")[2]))) as server:

        def half_an_answer() -> None:
            connection, _ = server.accept()
            with connection:
                while not connection.recv(65536).endswith(b"]"):  # the end of the events
                    pass
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")

        thread = threading.Thread(target=half_an_answer)
        thread.start()
        assert not client.record(drill("a"))
        thread.join()
    assert len(list(client.outbox.glob("*.json"))) == 1


@pytest.mark.usefixtures("ledger")
def test_what_a_long_outage_left_is_delivered_in_batches(client: LedgerClient):
    for number in range(BATCH + 7):
        client.keep(drill(f"d{number}"))
    assert client.deliver() == BATCH + 7
    assert len(client.query(limit=1000)) == BATCH + 7
