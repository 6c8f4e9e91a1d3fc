"""The log of predictions of the app as a process: nothing that was answered is missing after a stop."""

import json
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from reference_app.settings import Settings

from tests.support.app_process import RunningApp, running_app, variables_of
from tests.support.tiny_disk import tiny_disk

pytestmark = pytest.mark.proof

CLIENTS = 4
DROPPED = "prediction_log_dropped_total"


@pytest.fixture(scope="module")
def variables(settings: Settings) -> dict[str, str]:
    return variables_of(settings)


def _lines(folder: Path) -> list[dict[str, Any]]:
    """As a reader sees it: what follows the last newline is no line yet."""
    texts = [path.read_text() for path in sorted(folder.glob("*.jsonl"))]
    return [json.loads(line) for text in texts for line in text.split("\n")[:-1]]


def _ask_until_it_leaves(app: RunningApp, flight: dict[str, Any], name: str, answered: list[str]) -> None:
    number = 0
    with httpx2.Client(base_url=app.url, trust_env=False) as client:
        while True:
            number += 1
            try:
                answer = client.post("/predict", json=flight, headers={"X-Request-Id": f"{name}-{number}"})
            except httpx2.TransportError:
                return
            if answer.status_code == 200:
                answered.append(answer.headers["x-request-id"])


def _until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_stop_under_load_leaves_a_line_for_every_answer(
    variables: dict[str, str], flight: dict[str, Any], tmp_path: Path
):
    log = tmp_path / "predictions"
    given = {**variables, "PREDICTION_LOG": log.as_uri(), "PREDICTION_LOG_MAX_BYTES": "65536"}
    answered: list[str] = []
    with running_app(given, tmp_path) as app:
        clients = [
            threading.Thread(target=_ask_until_it_leaves, args=(app, flight, f"client-{number}", answered))
            for number in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        time.sleep(2)
        body = json.dumps(flight).encode()
        with socket.create_connection(("127.0.0.1", app.port), timeout=10) as last:
            head = f"POST /predict HTTP/1.1\r\nHost: app\r\nX-Request-Id: last\r\nContent-Length: {len(body)}\r\n\r\n"
            last.sendall(head.encode() + body[:-1])
            app.process.send_signal(signal.SIGTERM)
            for client in clients:
                client.join(20)
            last.sendall(body[-1:])
            assert last.recv(65536).startswith(b"HTTP/1.1 200"), "answered when everything else has ended"
            answered.append("last")
        assert app.process.wait(10) == 0
    written = [line["request_id"] for line in _lines(log)]
    assert len(answered) > 100
    assert sorted(written) == sorted(answered)
    assert len(list(log.iterdir())) > 1, "it went on from file to file meanwhile"


def test_a_full_disk_costs_lines_and_no_answer(variables: dict[str, str], flight: dict[str, Any], tmp_path: Path):
    with tiny_disk(tmp_path / "disk", kibibytes=512) as disk:
        log = disk / "predictions"
        given = {**variables, "PREDICTION_LOG": str(log), "PREDICTION_LOG_MOST_WAITING": "500"}
        with running_app(given, tmp_path) as app, httpx2.Client(base_url=app.url, trust_env=False) as client:

            def dropped() -> int:
                lines = client.get("/metrics").text.splitlines()
                return int(float(next(line.split()[1] for line in lines if line.startswith(DROPPED))))

            asked = 0
            while dropped() == 0:
                for _ in range(100):
                    assert client.post("/predict", json=flight).status_code == 200, "answers go on"
                asked += 100
                assert asked < 20_000
            assert "No space left" in app.log.read_text()
            full = _lines(log)
            assert client.get("/ready").status_code == 200
            for path in log.iterdir():
                path.unlink()
            _until(lambda: "written down again" in app.log.read_text())
            lost = dropped()
            assert client.post("/predict", json=flight).status_code == 200
            app.process.send_signal(signal.SIGTERM)
            assert app.process.wait(10) == 0
            said = [json.loads(line) for line in app.log.read_text().splitlines()]
        assert len(full) + len(_lines(log)) + lost == asked + 1, "every answer is a line or is counted"
        warnings = [line["message"] for line in said if line["logger"] == "reference_app.prediction_log"]
        assert len(warnings) == 2, warnings
        assert "No space left on device" in warnings[0]
