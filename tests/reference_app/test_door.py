"""The door, over real connections: refusals are fast, say when to come back, and leave the connection usable."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
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


@asynccontextmanager
async def _connected(
    app: Any, most_waiting: int, **configured: Any
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, list[DoorProtocol]]]:
    """One connection, and the server's side of it."""
    services = app.state.services
    door = Door(most_waiting, services.metrics, services.lifecycle)
    config = uvicorn.Config(app, access_log=False, log_config=None, lifespan="off", **configured)
    state = ServerState()
    protocols: list[DoorProtocol] = []

    def protocol() -> DoorProtocol:
        protocols.append(DoorProtocol(door, config=config, server_state=state, app_state={}))
        return protocols[-1]

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield reader, writer, protocols
    finally:
        writer.close()
        server.close()
        await asyncio.sleep(0.02)


async def _talk(app: Any, most_waiting: int, parts: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Heads and bodies of the answers, over one connection; an empty part is a wait for the answer so far."""
    answers = []
    async with _connected(app, most_waiting) as (reader, writer, _):
        for part in parts:
            if part:
                writer.write(part)
                await asyncio.sleep(0.02)  # so that it arrives by itself
                continue
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            answers.append((head, await reader.readexactly(int(length.partition(b":")[2]))))
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


HEAD, _, BODY = PREDICTION.partition(b"\r\n\r\n")


def _with(header: bytes, body: bytes = BODY) -> bytes:
    return HEAD + b"\r\n" + header + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (_with(b"Transfer-Encoding: chunked"), 400),
        (_with(b"transfer-encoding:chunked"), 400),
        (_with(b"Content-Length: 3"), 400),
        (_with(b"content-length : 3"), 400),
        (HEAD[:-3] + b"9" * 5000 + b"\r\n\r\n" + BODY, 400),
        (_with(b"Connection: close"), 503),
        (HEAD.replace(b"Content-Length: ", b"Connection: close\r\nContent-Length: ") + b"\r\n\r\n" + BODY, 503),
    ],
    ids=[
        "chunked",
        "chunked, tight",
        "two lengths",
        "a length of another spelling",
        "digits without end",
        "close last",
        "close first",
    ],
)
def test_where_a_request_ends_is_not_guessed_when_it_says_more_than_its_length(
    settings: Settings, request_bytes: bytes, status: int
):
    async def ends() -> bytes:
        async with _connected(create_app(settings), 0) as (reader, writer, _):
            writer.write(request_bytes)
            return await asyncio.wait_for(reader.read(), 2)  # until the server closes

    answer = asyncio.run(ends())
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nconnection: close\r\n" in answer


def test_a_client_that_was_refused_and_says_no_more_is_let_go(settings: Settings):
    async def refused_and_silent() -> bytes:
        async with _connected(create_app(settings), 0, timeout_keep_alive=1) as (reader, writer, _):
            for _ in range(4):  # for longer than the timeout, so that being refused counts as being there
                writer.write(PREDICTION)
                assert (await asyncio.wait_for(reader.readuntil(b"}"), 2)).startswith(b"HTTP/1.1 503 ")
                await asyncio.sleep(0.4)
            return await asyncio.wait_for(reader.read(), 4)

    assert asyncio.run(refused_and_silent()) == b"", "closed by the server"


def test_a_client_that_does_not_read_its_refusals_gets_no_more_of_them(settings: Settings):
    async def deaf() -> int:
        async with _connected(create_app(settings), 0) as (_, writer, protocols):
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(0.02)
            for _ in range(50_000):
                protocols[0].data_received(PREDICTION)  # as when each arrives by itself
                if protocols[0].flow.read_paused:
                    break
            waiting = protocols[0].transport.get_write_buffer_size()
            writer.transport.abort()
            return waiting

    assert asyncio.run(deaf()) < 200_000, "bytes that wait for the client"


def test_while_draining_a_refusal_closes_its_connection_as_an_answer_does(settings: Settings):
    app = create_app(settings)
    app.state.services.lifecycle.is_draining = True

    async def ends() -> bytes:
        async with _connected(app, 0) as (reader, writer, _):
            writer.write(PREDICTION)
            return await asyncio.wait_for(reader.read(), 2)

    assert b"\r\nconnection: close\r\n" in asyncio.run(ends())
