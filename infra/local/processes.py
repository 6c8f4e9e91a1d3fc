"""Finding and ending the processes of one highway, by the marks in their environment."""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import psutil

from infra.local.home import HOME_VARIABLE, WORKLOAD_VARIABLE


def marked(home: Path, workload: str | None = None) -> Sequence[psutil.Process]:
    """This user's processes that carry the mark of `home` (and of `workload`), this one and its parents aside.

    The mark is inherited, so workers and daemons that left their parent are found too.
    """
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    mark = os.fsencode(f"{HOME_VARIABLE}={home}")
    found = []
    for pid in psutil.pids():
        if pid not in ours and _may_carry(pid, mark):
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                if _has_mark(process, home, workload) and _is_own(process):
                    found.append(process)
    return found


def _may_carry(pid: int, mark: bytes) -> bool:
    """Where there is a /proc, one look at a file instead of several, for each process of the machine."""
    try:
        return mark in Path(f"/proc/{pid}/environ").read_bytes()
    except FileNotFoundError:
        return True
    except OSError:  # somebody else's, or ending
        return False


def end(processes: Sequence[psutil.Process], patience_seconds: float) -> None:
    """SIGTERM, then SIGKILL for what is left after `patience_seconds`. A reused pid is never hit."""
    for process in processes:
        _signal(process, "terminate")
    _, alive = psutil.wait_procs(processes, timeout=patience_seconds)
    for process in alive:
        _signal(process, "kill")
    psutil.wait_procs(alive, timeout=5)


def listening_ports(process: psutil.Process) -> set[int]:
    try:
        return {c.laddr.port for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return set()


def _is_own(process: psutil.Process) -> bool:
    try:
        return bool(process.uids().real == os.getuid() and process.status() != psutil.STATUS_ZOMBIE)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _has_mark(process: psutil.Process, home: Path, workload: str | None) -> bool:
    try:
        environment = process.environ()
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
        return False
    mark = environment.get(WORKLOAD_VARIABLE)
    return environment.get(HOME_VARIABLE) == str(home) and (mark is not None if workload is None else mark == workload)


def _signal(process: psutil.Process, how: str) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        getattr(process, how)()
