"""The door, over real connections: refusals are fast, say when to come back, and leave the connection usable."""

import asyncio
import json
from typing import Any

import uvicorn
from fastapi.testclient import TestClient
from reference_app.app import create_app
from reference_app.door import Door, DoorProtocol
from reference_app.settings import Settings
from uvicorn.server import ServerState

from tests.support.load import message_for

HEALTH = b"GET /health HTTP/1.1\r\nHost: app\r\n\r\n"
FLIGHT: dict[str, Any] = {
    "date": "2013-07-04",
    "scheduled_departure": "18:30",
    "scheduled_arrival": "21:45",
    "carrier": "B6",
    "origin": "JFK",
    "destination": "LAX",
}
PREDICTION = message_for("http://app/predict", json.dumps(FLIGHT).encode())
BATCH = message_for("http://app/predict/batch", b'{"flights": []}')


async def _talk(app: Any, most_waiting: int, parts: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Heads and bodies of the answers, over one connection; an empty part is a wait for the answer so far."""
    door = Door(most_waiting, app.state.services.metrics)
    config = uvicorn.Config(app, access_log=False, log_config=None, lifespan="off")
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: DoorProtocol(door, config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    answers = []
    for part in parts:
        if part:
            writer.write(part)
            await asyncio.sleep(0.02)  # so that it arrives by itself
            continue
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        answers.append((head, await reader.readexactly(int(length.partition(b":")[2]))))
    writer.close()
    server.close()
    await asyncio.sleep(0.02)
    return answers


def _statuses(answers: list[tuple[bytes, bytes]]) -> list[int]:
    return [int(head.split()[1]) for head, _ in answers]


def test_a_refusal_says_when_to_come_back_and_the_connection_lives_on(settings: Settings):
    app = create_app(settings)
    parts = [
        PREDICTION,
        b"",
        PREDICTION,
        b"",
        HEALTH,
        b"",
        PREDICTION[:-9],
        PREDICTION[-9:],
        b"",
        BATCH,
        b"",
        HEALTH,
        b"",
    ]
    answers = asyncio.run(_talk(app, 0, parts))
    assert _statuses(answers) == [503, 503, 200, 503, 503, 200]
    for head, body in answers:
        if b" 503 " in head:
            assert b"\r\nretry-after: 1\r\n" in head
            assert "try again in a second" in json.loads(body)["detail"]
    assert 'requests_refused_total{reason="overload"} 4.0' in TestClient(app).get("/metrics").text


def test_who_is_let_in_is_answered_in_order(settings: Settings):
    app = create_app(settings)
    answers = asyncio.run(_talk(app, 8, [PREDICTION + PREDICTION + HEALTH, b"", b"", b""]))
    assert _statuses(answers) == [200, 200, 200], "requests that were sent without waiting for answers"
    assert b"probability_late" in answers[0][1]


def test_a_body_in_two_parts_is_waited_for(settings: Settings):
    answers = asyncio.run(_talk(create_app(settings), 8, [PREDICTION[:-9], PREDICTION[-9:], b""]))
    assert _statuses(answers) == [200]
