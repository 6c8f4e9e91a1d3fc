"""Log lines leave in batches, on a thread of their own: neither a full pipe nor a slow disk stops an answer.

Bounded: when nobody takes the lines, the newest are lost, and a line says how many once there is room. A clean stop
writes what waits; a kill loses the lines of the last `WRITE_EVERY_SECONDS`.
"""

import os
import threading
from collections import deque

WRITE_EVERY_SECONDS = 0.1
CLOSE_SECONDS = 1.0  # a pipe that nobody empties must not keep the process from its end
MOST_WAITING = 100_000  # lines, of some 200 bytes each: seconds of the app at its fastest
LOST = b'{"level":"warning","logger":"reference_app.logs","message":"%d lines could not be written and are lost"}\n'


class LogWriter:
    """Writes to the file descriptor of an open stream that nobody else writes to."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: deque[bytes] = deque()
        self._overflowed = 0  # counted by those who write, and all else by the thread
        self._failed = 0
        self._reported = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, line: bytes) -> None:
        """`line` ends with its newline. From any thread."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(line)
        else:
            self._overflowed += 1

    def close(self) -> None:
        """Returns when all lines are written, or after `CLOSE_SECONDS`; later ones never are."""
        self._stopping.set()
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._stopping.wait(WRITE_EVERY_SECONDS):
            self._write_waiting()
        self._write_waiting()

    def _write_waiting(self) -> None:
        lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
        lost = self._overflowed + self._failed
        report = LOST % (lost - self._reported) if lost > self._reported else b""
        rest = memoryview(b"".join([*lines, report]))
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            self._failed += len(lines)
        else:
            self._reported = lost
