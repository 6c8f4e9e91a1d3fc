"""One of our services as a real process on a free port, for as long as a test needs it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

REPO = Path(__file__).resolve().parents[2]
# Services start with byte code, as the supervisor starts them; some machines switch it off.
BYTE_CODE = {"PYTHONPYCACHEPREFIX": str(REPO / ".highway" / "cache" / "pycache")}


@dataclass
class RunningService:
    process: subprocess.Popen[bytes]
    url: str
    seconds_to_ready: float


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Whether an HTTP server answers at all; a refusal is an answer."""
    try:
        httpx2.get(url, timeout=2)
    except httpx2.TransportError:
        return False
    return True


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    ready_path: str = "/health",
    port: int | None = None,
    patience_seconds: float = 60,
) -> Iterator[RunningService]:
    """Start `command` (`{port}` in it is the port, which is also PORT), wait until it answers, stop it afterwards."""
    port = port or free_port()
    environment = (
        {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | BYTE_CODE | dict(environment or {})
    )
    environment["PORT"] = str(port)
    started = time.monotonic()
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [str(part).replace("{port}", str(port)) for part in command],
            env=environment, cwd=REPO, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        while not answers(url + ready_path):
            if process.poll() is not None or time.monotonic() - started > patience_seconds:
                raise AssertionError(f"{command} did not become ready: {log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield RunningService(process, url, time.monotonic() - started)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def module(name: str) -> list[str]:
    return [sys.executable, "-m", name]
