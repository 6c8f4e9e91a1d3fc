"""A real Caddy with a home of its own, and upstreams for it."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.gateway import gateway_service
from infra.local.home import Home
from infra.local.plan import plan
from infra.local.routes import READY_PATH
from tests.support.service import RunningService, free_port, running

ECHO = Path(__file__).with_name("echo_upstream.py")


@contextmanager
def short_home() -> Iterator[Home]:
    """Below /tmp: pytest's own folders are often too long for a socket, and both cases should be seen."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="hw") as folder:
        yield Home(Path(folder) / ".highway")


@contextmanager
def running_gateway(home: Home, port: int | None = None) -> Iterator[RunningService]:
    """As the supervisor starts it, from the same service."""
    port = port or free_port()
    resolved = plan(gateway_service(home, port), home, port)
    log = home.root / "caddy.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with running(
        [sys.executable, *resolved.argv[1:]],
        log=log,
        environment=resolved.environment,
        ready_path=READY_PATH,
        port=port,
    ) as gateway:
        yield gateway


@contextmanager
def upstream(name: str, log: Path, port: int | None = None, seconds: float = 0) -> Iterator[str]:
    """Answers `name`; yields "host:port"."""
    port = port or free_port()
    with running([sys.executable, "-S", ECHO, "{port}", name, str(seconds)], log=log, port=port):
        yield f"127.0.0.1:{port}"
