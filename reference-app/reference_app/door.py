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
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)

logger = logging.getLogger("reference_app.door")


class Door:
    """What the connections of an app share. Refusals are only counted one by one; the log has a line for all of some
    seconds."""

    def __init__(self, most_waiting: int, metrics: Metrics) -> None:
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

    def data_received(self, data: bytes) -> None:
        door = self._door
        if door.admission.is_full and self._is_idle() and _is_whole_prediction(data):
            # Otherwise a client that is only refused would be cut off as one that sends nothing.
            self._unset_keepalive_if_required()
            self.transport.write(REFUSAL_BYTES)
            door.refused()
        else:
            super().data_received(data)

    def _is_idle(self) -> bool:
        return self._is_between_requests and (self.cycle is None or self.cycle.response_complete)

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
    length = LENGTH.search(data, 0, end + 2)
    return length is not None and len(data) == end + len(END) + int(length[1])
