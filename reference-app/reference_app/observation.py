"""Around every request: an id that joins the caller's log to ours, one count, one log line, no naked error."""

import logging
import random
import re
import time

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reference_app.lifecycle import Lifecycle
from reference_app.logs import FIELDS
from reference_app.metrics import Metrics
from reference_app.refusals import trouble_at
from reference_app.request_log import RequestLog

REQUEST_ID_HEADER = b"x-request-id"
# Anything else could break a log line or fill a disk, and is replaced by an id of ours.
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# Machines ask for these every second or two; only their failures are worth a line.
QUIET_ROUTES = frozenset({"/health", "/ready", "/metrics"})
CLIENT_CLOSED = 499  # nginx's code for a client that left before its answer; nothing is sent with it

# Seeded by the system once: asking it for each request would be a system call.
_CHANCE = random.Random()  # noqa: S311  # no secret is made of it

logger = logging.getLogger("reference_app.requests")


class Observation:
    """ASGI middleware; `request.state.request_id` is there for every route."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, lifecycle: Lifecycle, log: RequestLog) -> None:
        self._app, self._metrics, self._lifecycle, self._log = app, metrics, lifecycle, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status: int | None = None

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), (REQUEST_ID_HEADER, request_id.encode())]
                if self._lifecycle.is_draining:
                    headers.append((b"connection", b"close"))
                message["headers"] = headers
            await send(message)

        started = time.perf_counter()
        try:
            await self._app(scope, receive, send_marked)
        except ClientDisconnect:
            status = CLIENT_CLOSED
        except Exception:
            logger.exception("unexpected error", extra={FIELDS: {"request_id": request_id}})
            if status is not None:  # the answer is half sent: only closing the connection tells the client
                raise
            problem = f"unexpected error, not yours; report it with request id {request_id}"
            await JSONResponse(trouble_at(scope["path"], problem), 500)(scope, receive, send_marked)
        finally:
            self._ended(scope, status or CLIENT_CLOSED, time.perf_counter() - started, request_id)

    def _ended(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        method, route = scope["method"], getattr(scope.get("route"), "path", None)
        self._metrics.request_ended(route, method, status)
        if route not in QUIET_ROUTES or status >= 500:
            self._log.request(request_id=request_id, method=method, route=route, status=status, seconds=seconds)


def _request_id(scope: Scope) -> str:
    """The caller's when it is well formed, otherwise 32 hex digits of chance: unique, and no secret."""
    asked: bytes = next((value for name, value in scope["headers"] if name == REQUEST_ID_HEADER), b"")
    return asked.decode() if REQUEST_ID.fullmatch(asked) else f"{_CHANCE.getrandbits(128):032x}"
