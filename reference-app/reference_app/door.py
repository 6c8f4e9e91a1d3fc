"""Where requests come in: each waits for its turn (`admission`), or is refused before anything is made of it.

A refusal must cost next to nothing, or refusing is what breaks the app. So a prediction that comes when no more may
wait is answered from bytes made beforehand, and not even parsed. Whoever watches or operates the app is never refused.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from reference_app.admission import Admission
from reference_app.lifecycle import Lifecycle
from reference_app.metrics import Metrics
from reference_app.refusals import PROTOCOL, trouble_at

NEVER_REFUSED = ("/health", "/ready", "/metrics", "/v2/health/", "/v2/repository/")
SAID, HEADERS = "more requests come than can be answered; try again in a second", {"retry-after": "1"}
REFUSAL = JSONResponse(trouble_at("/predict", SAID), 503, HEADERS)
PROTOCOL_REFUSAL = JSONResponse(trouble_at(PROTOCOL, SAID), 503, HEADERS)
REFUSAL_BYTES = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    + b"".join(b"%s: %s\r\n" % header for header in REFUSAL.raw_headers)
    + b"\r\n"
    + bytes(REFUSAL.body)
)
REPORT_SECONDS = 5

PREDICTION, END = b"POST /predict HTTP/1.1\r\n", b"\r\n\r\n"
# What decides where a request ends and whether its connection does. Only a single length is taken; all else, such as a
# second one or chunks, is the parser's, because whoever disagrees on the end takes a body for the next request.
FRAMING = re.compile(
    rb"\n(?:content-length: *(\d{1,9})(?=\r\n)|content-length|transfer-encoding|expect"
    rb"|connection:(?! *keep-alive\r\n))",
    re.IGNORECASE,
)

logger = logging.getLogger("reference_app.door")


class Door:
    """What the connections of an app share. Refusals are only counted one by one; the log has a line for all of some
    seconds."""

    def __init__(self, most_waiting: int, metrics: Metrics, lifecycle: Lifecycle) -> None:
        self.lifecycle = lifecycle
        self.admission = Admission(most_waiting, _later)
        self._reported = 0
        metrics.count_refused(lambda: self.admission.refused)

    def refused(self) -> None:
        admission = self.admission
        admission.refused += 1
        if admission.refused == self._reported + 1:
            _later(REPORT_SECONDS, self._report)

    def _report(self) -> None:
        count, self._reported = self.admission.refused - self._reported, self.admission.refused
        logger.warning("requests refused within %d s: %d; more come than can be answered", REPORT_SECONDS, count)


def _later(seconds: float, turn: Callable[[], None]) -> object:
    return asyncio.get_running_loop().call_later(seconds, turn)


class DoorProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, whose requests go through the door before they become tasks."""

    def __init__(self, door: Door, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._door = door
        self._is_between_requests = True
        self._was_refused = False  # unparsed, since the connection was last looked at

    def data_received(self, data: bytes) -> None:
        door = self._door
        if door.admission.is_full and self._may_refuse_unparsed() and _is_whole_prediction(data):
            self._was_refused = True
            if self.timeout_keep_alive_task is None:
                self._watch()
            self.transport.write(REFUSAL_BYTES)
            door.refused()
        else:
            super().data_received(data)

    def _may_refuse_unparsed(self) -> bool:
        """Between two requests of a client that reads what it is told, and while connections are to be kept."""
        return (
            self._is_between_requests
            and (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and not self._door.lifecycle.is_draining
        )

    def _watch(self) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        """A client that was refused meanwhile is not silent; a timer for each refusal would cost more than it does."""
        if self._was_refused:
            self._was_refused = False
            self._watch()
        else:
            super().timeout_keep_alive_handler()

    def on_message_begin(self) -> None:
        self._is_between_requests = False
        super().on_message_begin()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._is_between_requests = True

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override]
        if cycle.scope["path"].startswith(NEVER_REFUSED):
            self._start(cycle, app)
        elif self._door.admission.is_full:
            cycle.keep_alive = cycle.keep_alive and not self._door.lifecycle.is_draining
            self._start(cycle, PROTOCOL_REFUSAL if cycle.scope["path"].startswith(PROTOCOL) else REFUSAL)
            self._door.refused()
        else:
            self._door.admission.enter(partial(self._start, cycle, app))

    def _start(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:
        if not cycle.disconnected:  # while it waited
            super()._start_asgi_task(cycle, app)  # type: ignore[arg-type]


def _is_whole_prediction(data: bytes) -> bool:
    """Whether it is one request from its first byte to its last, so that the next one starts with the next data."""
    if not data.startswith(PREDICTION):
        return False
    end = data.find(END)
    lengths = FRAMING.findall(data, 0, end + 2)
    return len(lengths) == 1 and lengths[0] != b"" and len(data) == end + len(END) + int(lengths[0])
