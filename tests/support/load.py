"""A load generator that costs less than what it measures: bytes made beforehand, raw connections, its own process.

`closed_loop` has each connection wait for its answer, so the server sets the pace: what it can do at its best.
`open_loop` sends at fixed times whether or not answers came, as a crowd does: what happens under more than that.
Every answer is read to its end and counted by its status. Times are seconds.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

import uvloop

TICK_SECONDS = 0.001
# An open loop opens a connection when all others wait for an answer. More would be a test of the machine's ports.
MOST_CONNECTIONS = 512
PATIENCE_SECONDS = 5  # for the answers to what was sent last
# Longer than this nobody waits to be connected: the request is lost, and is not sent to a server that is behind.
CONNECT_SECONDS = 0.5


@dataclass
class Load:
    """`seconds` counts from the first request that is sent after `warm_up_seconds`. `statuses` is by HTTP code, with
    "lost" for connections that broke or stayed silent. `latencies` holds up to 200,000 times of the answers with
    200, and `refusals` those of the others; in an open loop they count from when a request was due."""

    sent: int = 0
    seconds: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    has_retry_after: bool = True

    @property
    def goodput(self) -> float:
        """Requests answered by 200 in a second."""
        return self.statuses.get("200", 0) / self.seconds

    def quantile(self, share: float) -> float:
        """Of the times of the answers with 200; infinite when there are none."""
        ordered = sorted(self.latencies) or [float("inf")]
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def message_for(url: str, body: bytes, content_type: str = "application/json") -> bytes:
    """A POST to keep the connection for, as bytes."""
    parts = urlsplit(url)
    head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: {content_type}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def closed_loop(url: str, body: bytes, *, clients: int, seconds: float, warm_up_seconds: float = 0.5) -> Load:
    return _in_own_process(url, body, clients=clients, rate=0.0, seconds=seconds, warm_up_seconds=warm_up_seconds)


def open_loop(url: str, body: bytes, *, rate: float, seconds: float, warm_up_seconds: float = 0.5) -> Load:
    """`rate` is in requests a second."""
    return _in_own_process(url, body, clients=0, rate=rate, seconds=seconds, warm_up_seconds=warm_up_seconds)


def _in_own_process(url: str, body: bytes, **how: float) -> Load:
    asked = json.dumps({"url": url, "body": body.decode(), **how})
    command = [sys.executable, "-m", "tests.support.load", asked]
    patience = how["seconds"] + how["warm_up_seconds"] + PATIENCE_SECONDS + 20
    ended = subprocess.run(command, check=True, capture_output=True, text=True, timeout=patience)
    return Load(**json.loads(ended.stdout))


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, run: "_Run") -> None:
        self._run = run
        self._answer = b""
        self._due: float | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._run.is_free(self)

    def send(self, due: float) -> None:
        self._due = due
        self._transport.write(self._run.message)

    def data_received(self, data: bytes) -> None:
        answer = self._answer + data if self._answer else data
        end = answer.find(b"\r\n\r\n")
        if end < 0 or len(answer) < end + 4 + self._length(answer, end):
            self._answer = answer
            return
        self._answer = b""
        assert self._due is not None
        due, self._due = self._due, None
        self._run.answered(answer, due)
        if b"\r\nconnection: close\r\n" not in answer[: end + 2]:
            self._run.is_free(self)

    @staticmethod
    def _length(answer: bytes, end: int) -> int:
        start = answer.lower().find(b"content-length:", 0, end)
        return int(answer[start + 15 : answer.find(b"\r\n", start)])

    def connection_lost(self, error: Exception | None) -> None:
        self._run.connections -= 1
        if self._due is not None:
            self._run.lost(self._due)


class _Run:
    def __init__(
        self, *, url: str, body: str, clients: int, rate: float, seconds: float, warm_up_seconds: float
    ) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        self.message = message_for(url, body.encode())
        self._clients, self._rate, self._seconds, self._warm_up = clients, rate, seconds, warm_up_seconds
        self.connections = 0
        self._statuses: Counter[str] = Counter()
        self._load = Load()
        self._free: deque[_Connection] = deque()
        self._opening: set[asyncio.Task[Any]] = set()

    async def run(self) -> Load:
        self._start = time.perf_counter() + self._warm_up
        self._end = self._start + self._seconds
        if self._clients:
            await asyncio.gather(*(self._open() for _ in range(self._clients)))
            await asyncio.sleep(self._end - time.perf_counter())
        else:
            await self._send_at_rate()
        load = self._load
        while self._waiting and time.perf_counter() < self._end + PATIENCE_SECONDS:
            await asyncio.sleep(0.01)
        if self._waiting:
            self._statuses["lost"] += self._waiting
        load.seconds, load.statuses = self._seconds, dict(self._statuses)
        return load

    @property
    def _waiting(self) -> int:
        return self._load.sent - sum(self._statuses.values())

    async def _open(self) -> None:
        self.connections += 1
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: _Connection(self), self._host, self._port)
        except OSError:
            self.connections -= 1

    def _send(self, connection: _Connection, due: float) -> None:
        if self._start <= due < self._end:
            self._load.sent += 1
        connection.send(due)

    def is_free(self, connection: _Connection) -> None:
        now = time.perf_counter()
        if not self._clients:
            self._free.append(connection)
        elif now < self._end:
            self._send(connection, now)

    async def _send_at_rate(self) -> None:
        """The i-th request is due at i / rate; those that find no free connection are sent as soon as one is."""
        await asyncio.gather(*(self._open() for _ in range(32)))
        begin = self._start - self._warm_up
        due: deque[float] = deque()
        number = 0
        while (now := time.perf_counter()) < self._end:
            while (at := begin + number / self._rate) <= now:
                due.append(at)
                number += 1
            while due and due[0] < now - CONNECT_SECONDS:
                self._drop(due.popleft())
            while due and self._free:
                self._send(self._free.pop(), due.popleft())
            if due and self.connections < MOST_CONNECTIONS:
                for _ in range(min(len(due), 8, MOST_CONNECTIONS - self.connections)):
                    task = asyncio.ensure_future(self._open())
                    self._opening.add(task)
                    task.add_done_callback(self._opening.discard)
            await asyncio.sleep(TICK_SECONDS)
        for at in due:
            self._drop(at)

    def _drop(self, due: float) -> None:
        """It found no connection, so it has not been served either."""
        if self._start <= due < self._end:
            self._load.sent += 1
            self._statuses["lost"] += 1

    def answered(self, answer: bytes, due: float) -> None:
        if not self._start <= due < self._end:
            return
        now, status = time.perf_counter(), answer[9:12].decode()
        self._statuses[status] += 1
        times = self._load.latencies if status == "200" else self._load.refusals
        if len(times) < 200_000:
            times.append(now - due)
        if status in ("429", "503") and b"retry-after:" not in answer.lower():
            self._load.has_retry_after = False

    def lost(self, due: float) -> None:
        if self._start <= due < self._end:
            self._statuses["lost"] += 1


if __name__ == "__main__":
    json.dump(asdict(uvloop.run(_Run(**json.loads(sys.argv[1])).run())), sys.stdout)
