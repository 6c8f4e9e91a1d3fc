"""The app as it really runs: its own process, settings in the environment, stopped by SIGTERM."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from reference_app.settings import Settings

from tests.support.service import BYTE_CODE, free_port

READY_BUDGET_SECONDS = 30  # it takes 2, on a machine with nothing else to do


@dataclass(frozen=True)
class RunningApp:
    process: subprocess.Popen[bytes]
    port: int
    seconds_to_ready: float
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def variables_of(settings: Settings) -> dict[str, str]:
    """What has to be set, of these settings; a test adds what it is about."""
    return {
        "BUNDLES": settings.bundles.as_uri(),
        "MODEL_DIGEST": settings.model_digest,
        "MODEL_VERSION": settings.model_version,
        "APP_VERSION": settings.app_version,
    }


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's own, less what could point the app elsewhere, with the settings."""
    dropped = {"PYTHONPATH", "HIGHWAY_REPLAY", "PYTHONDONTWRITEBYTECODE"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, **BYTE_CODE, "OMP_NUM_THREADS": "1", **settings}


@contextmanager
def running_app(settings: Mapping[str, str], folder: Path) -> Iterator[RunningApp]:
    """Started in `folder`, ready; killed at the end if the test has not stopped it."""
    port, log = free_port(), folder / "app.log"
    # A file and not a pipe: nobody reads while it runs, and a full pipe would stop it.
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "reference_app"],
            cwd=folder,
            env=environment({**settings, "PORT": str(port)}),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    started = time.monotonic()
    try:
        while not _is_ready(port):
            if process.poll() is not None or time.monotonic() - started > READY_BUDGET_SECONDS:
                raise AssertionError(f"the app did not start: {log.read_text()}")
            time.sleep(0.02)
        yield RunningApp(process, port, time.monotonic() - started, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _is_ready(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/ready", trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False
