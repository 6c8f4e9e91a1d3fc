"""A line for each request, in the form of all others (`logs`), made without the machinery of logging.

That machinery finds out who called, builds a record and walks the loggers, which took longer than the prediction.
"""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from pydantic_core import to_json

WriteLine = Callable[[bytes], object]


def write_to_stdout(line: bytes) -> None:
    sys.stdout.write(line.decode())


class RequestLog:
    def __init__(self, write: WriteLine) -> None:
        self._write = write
        self._second = 0
        self._date = ""  # of that second, down to it

    def request(self, *, request_id: str, method: str, route: str | None, status: int, seconds: float) -> None:
        line = {
            "time": self._now(),
            "level": "info",
            "logger": "reference_app.requests",
            "message": "request",
            "request_id": request_id,
            "method": method,
            "route": route,
            "status": status,
            "duration_seconds": round(seconds, 6),
        }
        self._write(to_json(line) + b"\n")

    def _now(self) -> str:
        """UTC in RFC 3339; the part that is the same for a whole second is kept for it."""
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second, self._date = second, datetime.fromtimestamp(second, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._date}.{int((now - second) * 1000):03d}+00:00"
