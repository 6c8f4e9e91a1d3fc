"""Whether a server comes up. To ask it for its version is not enough: that reads neither a configuration nor the files
that a package expects beside the executable."""

import http.client
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from infra.toolchain import children

READY_SECONDS = 30.0  # half a second when nothing else runs; programs are being compiled meanwhile
ANSWER_SECONDS = 2.0
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Trial:
    """A start with a small configuration, on loopback, until `path` answers 200.

    `arguments` name the file with `{config}`, an empty folder with `{folder}` and a free port with `{port}`.
    """

    config: str
    arguments: tuple[str, ...]
    path: str = "/-/ready"


def fault(trial: Trial, executable: Path) -> str | None:
    """None when `executable` came up, else the last thing that it said. Leaves nothing running and no file."""
    with tempfile.TemporaryDirectory(prefix="highway-trial-") as name:
        folder = Path(name)
        config, log = folder / "config.yml", folder / "log"
        config.write_text(trial.config)
        port = _free_port()
        arguments = [argument.format(config=config, folder=folder, port=port) for argument in trial.arguments]
        with log.open("w") as output, children.started([str(executable), *arguments], output, folder) as process:
            deadline = time.monotonic() + READY_SECONDS
            while process.poll() is None and time.monotonic() < deadline:
                if _is_ready(port, trial.path):
                    return None
                time.sleep(POLL_SECONDS)
        lines = log.read_text(errors="replace").split("\n")
        return next((line.strip()[-300:] for line in reversed(lines) if line.strip()), "it said nothing")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def _is_ready(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)  # asks no proxy
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
