"""A program that a reproduction needs, and that does not outlive it."""

import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from infra.contracts.errors import HighwayError

GRACE_SECONDS = 5.0
LINES_KEPT = 20
# Belong to who started us: they would lead a child back to our own sources and to our own repository.
OURS = ("GIT_", "HIGHWAY_", "PULUMI_", "PYTHON", "VIRTUAL_ENV")


def clean_environment() -> dict[str, str]:
    """Ours, less all that would make what is done depend on this checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)}


def run(
    command: Sequence[str | Path],
    *,
    folder: Path,
    environment: Mapping[str, str],
    tell: Callable[[str], None],
) -> None:
    """Tells each line that `command` says. Raises `HighwayError` with the last one when it fails."""
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    said: deque[str] = deque(maxlen=LINES_KEPT)
    try:
        with process:
            for line in process.stdout or ():
                if line.strip():
                    said.append(line.strip())
                    tell(said[-1])
    except BaseException:
        _end(process)
        raise
    if process.returncode:
        reason = said[-1] if said else "it said nothing"
        raise HighwayError(f"{Path(command[0]).name} ended with code {process.returncode}: {reason}")


def _end(process: "subprocess.Popen[str]") -> None:
    """With all that it started; some of it knows how to give up in order."""
    for ending in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, ending)
            process.wait(GRACE_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
