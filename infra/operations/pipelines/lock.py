"""One run at a time of one pipeline; artifacts, which pipelines share, go only while nobody names one."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from infra.contracts.errors import HighwayError
from infra.contracts.files import write_atomically

# A run that was killed while it started a job leaves a child that holds the lock until it has become the job.
GRACE_SECONDS = 0.5


class PipelineBusyError(HighwayError):
    """Another run of the same pipeline is under way; the message names it."""


@contextlib.contextmanager
def sole_run(folder: Path, pipeline: str, run_id: str, now: datetime) -> Iterator[None]:
    """Hold the pipeline's lock. The kernel releases it with its process, so a killed run blocks nobody.

    Raises `PipelineBusyError`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    holder = folder / "holder"
    try:
        lock = FileLock(folder / "lock", timeout=GRACE_SECONDS, mode=0o600).acquire()
    except Timeout as error:
        raise PipelineBusyError(
            f"pipeline {pipeline} is being run by {_read(holder)}; wait for it to end, or stop that process"
        ) from error
    with lock:
        write_atomically(holder, f"process {os.getpid()} (run {run_id}, since {now:%Y-%m-%d %H:%M:%S} UTC)")
        yield


def _read(holder: Path) -> str:
    # The holder's name is written just after the lock is taken.
    with contextlib.suppress(FileNotFoundError):
        return holder.read_text()
    return "another process"


@contextlib.contextmanager
def naming(root: Path, *, alone: bool = False) -> Iterator[None]:
    """Hold the lock on the artifacts below the storage root: shared with all who name some, or `alone` to remove
    what nobody names. Waits; naming takes milliseconds."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (root / "objects.lock").open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield  # closing the file releases it, as the end of the process does
