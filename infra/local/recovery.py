"""What a kill, a crash or a reboot leaves behind, put right without hand work before an update."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import psutil

from infra.contracts.errors import HighwayError
from infra.contracts.files import write_atomically
from infra.local.engine import Engine, OnResource, Summary, environment
from infra.local.home import Home
from infra.local.supervisor import Supervisor


class LockedError(HighwayError):
    """Another update is at work."""


@dataclass(frozen=True)
class Lock:
    """A lock of Pulumi's file backend: who holds it, as Pulumi wrote it down."""

    path: Path
    pid: int
    user: str
    host: str

    @property
    def is_stale(self) -> bool:
        """Only when it was this machine's and its process is gone. What cannot be known is not stale."""
        return self.host == os.uname().nodename and not _is_pulumi(self.pid)


def clear_stale_locks(home: Home) -> Sequence[Lock]:
    """Remove the locks whose process is gone; returns them. Raises `LockedError` for one that is held."""
    stale = []
    # Also one that was killed before it had its name: to Pulumi every file there is a lock.
    for path in sorted((home.state / ".pulumi" / "locks").rglob("*.json*")):
        lock = _read(path)
        if lock is None and not _engine_is_at_work(home):
            path.unlink(missing_ok=True)
            continue
        if lock is None:
            raise LockedError(f"an update of this highway is at work and its lock {path} cannot be read; wait for it")
        if not lock.is_stale:
            raise LockedError(
                f"{unquote(path.parent.name)} is being updated by process {lock.pid} of {lock.user}@{lock.host}; "
                "wait for it, or end it, and try again"
            )
        path.unlink(missing_ok=True)
        stale.append(lock)
    return stale


def has_pending_operations(engine: Engine) -> bool:
    """Whether an update of this program died between telling the state and doing the work."""
    state = json.loads(engine.run("stack", "export"))
    return bool(state.get("deployment", {}).get("pending_operations"))


def restore_checkpoint(engine: Engine) -> bool:
    """Replace a state file that lost its content by the one before it. True if it was so.

    Pulumi renames it into its place and does not wait for the disk: a power cut may leave it empty. What the older one
    lacks runs already and is adopted when it is created again. Without an older one the stack starts anew, in the
    same way.
    """
    current = engine.checkpoint
    previous = current.with_name(f"{current.name}.bak")
    if not current.exists() or _is_whole(current):
        return False
    current.replace(current.with_name(f"{current.name}.damaged"))
    if _is_whole(previous):
        write_atomically(current, previous.read_bytes())
    return True


def _is_whole(checkpoint: Path) -> bool:
    try:
        return "checkpoint" in json.loads(checkpoint.read_text())
    except (OSError, ValueError):
        return False


def update(engine: Engine, on_resource: OnResource) -> Summary:
    """`pulumi up`, whatever an update that was killed before left. Raises `LockedError`, `EngineError`."""
    clear_stale_locks(engine.home)
    restore_checkpoint(engine)
    engine.ensure_stack()
    if has_pending_operations(engine):
        # What was begun is looked at again; our provider's creates are idempotent, so they are simply redone.
        engine.refresh(on_resource)
    return engine.up(on_resource)


def resume_workloads(home: Home) -> bool:
    """Start the supervisor, and with it all that was declared, when it is gone. True if it was."""
    supervisor = Supervisor(home)
    return bool(supervisor.declared()) and supervisor.ensure_alive()


def _read(path: Path) -> Lock | None:
    """None for what a killed Pulumi wrote only half."""
    try:
        content = json.loads(path.read_text())
        return Lock(path, int(content["pid"]), content["username"], content["hostname"])
    except (OSError, ValueError, KeyError):
        return None


def _engine_is_at_work(home: Home) -> bool:
    backend = environment(home)["PULUMI_BACKEND_URL"]
    for process in psutil.process_iter():
        try:
            if "pulumi" in process.name() and process.environ().get("PULUMI_BACKEND_URL") == backend:
                return True
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return False


def _is_pulumi(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        # Whose parent does not reap it, as in a container without an init, has ended all the same.
        return "pulumi" in process.name() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
