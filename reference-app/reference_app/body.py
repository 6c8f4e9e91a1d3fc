"""Reading a request's body within bounds of size and time."""

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from reference_app.settings import Settings


async def read_body(request: Request, settings: Settings, most_bytes: int | None = None) -> bytes:
    """At most `most_bytes`, or `max_body_bytes` of the settings. Raises `HTTPException` 413 or 408, which say the
    limit."""
    reading = _read(request.receive, most_bytes or settings.max_body_bytes)
    # Nearly all bodies have arrived with their heads, and are read in one step. Only the others need a timeout, which
    # takes longer to make and to put away than such a body to read.
    try:
        waits_for = reading.send(None)
    except StopIteration as ended:
        return bytes(ended.value)
    try:
        async with asyncio.timeout(settings.body_timeout_seconds):
            body: bytes = await _resumed(reading, waits_for)
            return body
    except TimeoutError as error:
        raise HTTPException(
            408, f"the body took over {settings.body_timeout_seconds} seconds to arrive; send it again"
        ) from error


async def _read(receive: Receive, limit: int) -> bytes:
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raise HTTPException(413, f"the body is over {limit} bytes; send less at once")
        if not message.get("more_body", False):
            return b"".join(chunks)


@coroutine
def _resumed(started: Coroutine[Any, Any, bytes], waits_for: Any) -> Generator[Any, Any, bytes]:
    """Awaits the rest of a coroutine that has been started and waits."""
    try:
        while True:
            sent = yield waits_for
            waits_for = started.send(sent)
    except StopIteration as ended:
        return bytes(ended.value)
    finally:
        started.close()
