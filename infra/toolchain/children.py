"""Programs that the toolchain runs: their output is read as it comes, and none outlives an interrupted run."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_running: set["subprocess.Popen[str]"] = set()
_lock = threading.Lock()
GRACE_SECONDS = 2.0


class ChildError(Exception):
    """A program ended with an error; `output` is all that it said."""

    def __init__(self, command: Sequence[str], code: int, output: str) -> None:
        self.code = code
        self.output = output
        super().__init__(f"{Path(command[0]).name} ended with code {code}: {self.reason}")

    @property
    def reason(self) -> str:
        """The most telling line: the innermost cause that uv names, else the last line that says anything."""
        lines = [line.strip(" \t╰─▶·") for line in self.output.splitlines() if line.strip()]
        causes = [line for line in lines if line.startswith("Caused by:")]
        return (causes or lines or ["it said nothing"])[-1].removeprefix("Caused by:").strip()[:300]


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
    keep_open: Sequence[int] = (),
) -> str:
    """Output of `command` (both streams). Raises `ChildError`, and `OSError` when it cannot be started.

    `environment` is added to ours. A child holds the descriptors in `keep_open`, and so the locks on them, for
    as long as it lives, even when we are killed.
    """
    with _lock:
        process = subprocess.Popen(
            list(command),
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=keep_open,
        )
        _running.add(process)
    lines = []
    try:
        with process:
            for line in process.stdout or ():
                lines.append(line)
                if on_line is not None:
                    on_line(line.rstrip())
    finally:
        with _lock:
            _running.discard(process)
    if process.returncode:
        raise ChildError(command, process.returncode, "".join(lines))
    return "".join(lines)


@contextmanager
def started(command: Sequence[str], output: IO[str], cwd: Path) -> Iterator["subprocess.Popen[str]"]:
    """`command`, at work for as long as the block; it says what it says (both streams) to `output`.

    Raises `OSError` when it cannot be started.
    """
    with _lock:
        process = subprocess.Popen(
            list(command), cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, text=True
        )
        _running.add(process)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with _lock:
            _running.discard(process)


def stop_all() -> None:
    """End what is still running; called when the run is given up."""
    with _lock:
        for process in _running:
            process.terminate()
