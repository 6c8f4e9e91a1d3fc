"""Clients that keep their connections and send at a fixed rate, whatever the answers take."""

import asyncio
import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """Times are those of `time.monotonic()`."""

    sent: float
    received: float
    body: str


@dataclass(frozen=True)
class Lost:
    sent: float
    noticed: float
    reason: str


@dataclass
class Report:
    """`lost` has each request that was not answered by a 200, and so each connection that broke."""

    answers: list[Answer] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    connections: int = 0

    @property
    def slowest_seconds(self) -> float:
        return max(answer.received - answer.sent for answer in self.answers)

    @property
    def requests_per_second(self) -> float:
        times = [answer.sent for answer in self.answers]
        return (len(times) - 1) / (max(times) - min(times))


BODY = b'{"carrier": "UA", "origin": "EWR"}'


async def send(address: str, *, path: str, requests: int, rate: float, clients: int = 16, body: bytes = BODY) -> Report:
    """`requests` POSTs of JSON over `clients` connections, the i-th at i / rate seconds from the start."""
    report = Report()
    head_lines = (
        f"POST {path} HTTP/1.1",
        f"Host: {address}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "",
        "",
    )
    message = "\r\n".join(head_lines).encode() + body
    start = time.monotonic() + 0.2

    async def client(first: int) -> None:
        reader, writer = await _connect(address)
        report.connections += 1
        for number in range(first, requests, clients):
            await asyncio.sleep(start + number / rate - time.monotonic())
            sent = time.monotonic()
            try:
                writer.write(message)
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                answer = await asyncio.wait_for(reader.readexactly(int(length.partition(b":")[2])), 20)
                if not head.startswith(b"HTTP/1.1 200 "):
                    report.lost.append(Lost(sent, time.monotonic(), head.partition(b"\r\n")[0].decode()))
                    continue
                report.answers.append(Answer(sent, time.monotonic(), answer.decode()))
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                report.lost.append(Lost(sent, time.monotonic(), repr(error)))
                writer.close()
                reader, writer = await _connect(address)
                report.connections += 1
        writer.close()

    await asyncio.gather(*(client(first) for first in range(clients)))
    return report


async def _connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """As soon as somebody listens, for 20 s."""
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + 20
    while True:
        try:
            return await asyncio.open_connection(host, int(port))
        except OSError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.02)
