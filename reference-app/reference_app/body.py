"""Reading a request's body within bounds of size and time."""

import asyncio

from fastapi import HTTPException, Request

from reference_app.settings import Settings


async def read_body(request: Request, settings: Settings) -> bytes:
    """Raises `HTTPException` 413 or 408, which say the limit."""
    body = bytearray()
    try:
        async with asyncio.timeout(settings.body_timeout_seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > settings.max_body_bytes:
                    raise HTTPException(413, f"the body is over {settings.max_body_bytes} bytes; a flight needs less")
    except TimeoutError as error:
        raise HTTPException(
            408, f"the body took over {settings.body_timeout_seconds} seconds to arrive; send it again"
        ) from error
    return bytes(body)
