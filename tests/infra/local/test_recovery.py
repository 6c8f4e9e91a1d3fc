"""A kill in the middle of an update is put right by the next one; another's lock is never touched."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra.local.engine import Engine, EngineError
from infra.local.gateway import Gateway
from infra.local.home import Home
from infra.local.recovery import LockedError, clear_stale_locks, has_pending_operations, restore_checkpoint, update
from infra.local.supervisor import Supervisor


@dataclass
class KillAfter:
    """SIGKILL to the engine after that many resource events; without a limit it only counts."""

    limit: int | None = None
    seen: list[str] = field(default_factory=list)

    def __call__(self, kind: str, name: str, is_done: bool) -> None:
        self.seen.append(f"{name} {'done' if is_done else 'begun'}")
        if len(self.seen) == self.limit:
            (pulumi,) = (child for child in psutil.Process().children() if child.name() == "pulumi")
            pulumi.kill()


def lacking(engine: Engine) -> list[str]:
    """What the program declares and is not there, and what is left to mend."""
    supervisor, file = Supervisor(engine.home), engine.home.run / "rules/file"
    found = {
        f"process {supervisor.status('one')}": supervisor.is_ready("one"),
        "route": Gateway(engine.home).read("one") is not None,
        "file": file.exists() and file.read_text() == "content",
        "pending operations": not has_pending_operations(engine),
    }
    return [what for what, is_well in found.items() if not is_well]


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_a_kill_between_every_two_operations_is_put_right(engine: Engine):
    counted = KillAfter()
    engine.up(counted)
    assert lacking(engine) == []
    engine.destroy(KillAfter())
    assert len(counted.seen) >= 8
    locks_cleared = pending_seen = 0
    for limit in range(1, len(counted.seen) + 1):
        with pytest.raises(EngineError):
            engine.up(KillAfter(limit))
        locks_cleared += len(clear_stale_locks(engine.home))
        restore_checkpoint(engine)
        engine.ensure_stack()
        pending_seen += has_pending_operations(engine)
        update(engine, KillAfter())
        assert lacking(engine) == [], f"killed after {counted.seen[limit - 1]}"
        assert update(engine, KillAfter()).changes == 0
        engine.destroy(KillAfter())
        assert Supervisor(engine.home).declared() == []
    assert locks_cleared == len(counted.seen), "each kill leaves a lock, or this test kills nothing"
    assert pending_seen > 0, "no kill came in the middle of an operation"


@pytest.mark.proof
def test_refresh_notices_what_was_killed_or_changed_and_up_mends_it(engine: Engine):
    engine.up(KillAfter())
    Supervisor(engine.home).stop("one")
    (engine.home.run / "rules/file").write_text("edited by hand")
    engine.refresh(KillAfter())
    mended = engine.up(KillAfter())
    assert mended.operations.get("create") == 1
    assert mended.operations.get("update") == 1
    assert lacking(engine) == []


def lock_file(home: Home, **changes: Any) -> Path:
    path = home.state / ".pulumi/locks/organization/fixture/local/1.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    held = {"pid": os.getpid(), "username": "somebody", "hostname": os.uname().nodename, "timestamp": ""}
    path.write_text(json.dumps(held | changes))
    return path


def test_a_lock_whose_process_is_gone_is_cleared(tmp_path: Path):
    path = lock_file(Home(tmp_path), pid=2**22 + 1)
    assert [lock.path for lock in clear_stale_locks(Home(tmp_path))] == [path]
    assert not path.exists()


def test_a_lock_whose_pid_now_belongs_to_another_program_is_cleared(tmp_path: Path):
    lock_file(Home(tmp_path))  # this test is not pulumi
    assert len(clear_stale_locks(Home(tmp_path))) == 1


def test_the_lock_of_another_machine_is_never_touched(tmp_path: Path):
    path = lock_file(Home(tmp_path), hostname="elsewhere", pid=2**22 + 1)
    with pytest.raises(LockedError, match=r"is being updated by process \d+ of somebody@elsewhere"):
        clear_stale_locks(Home(tmp_path))
    assert path.exists()


def test_a_lock_that_a_kill_left_half_written_is_cleared(tmp_path: Path):
    path = lock_file(Home(tmp_path))
    path.write_text('{"pid": 12')
    clear_stale_locks(Home(tmp_path))
    assert not path.exists()


def test_a_lock_that_a_kill_left_without_its_name_is_cleared(tmp_path: Path):
    path = lock_file(Home(tmp_path), pid=2**22 + 1)
    unnamed = path.rename(path.with_name(f"{path.name}.18aa.tmp"))  # as gocloud.dev/blob/fileblob calls it
    assert [lock.path for lock in clear_stale_locks(Home(tmp_path))] == [unnamed]
    assert not unnamed.exists()


def test_a_lock_whose_process_nobody_reaped_is_cleared(tmp_path: Path):
    home, program = Home(tmp_path), tmp_path / "pulumi"
    program.symlink_to(shutil.which("true") or "true")
    with subprocess.Popen([program]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert "pulumi" in psutil.Process(process.pid).name()
        path = lock_file(home, pid=process.pid)
        assert [lock.path for lock in clear_stale_locks(home)] == [path]


def test_a_kill_while_state_is_written_has_no_file_to_leave_empty(engine: Engine):
    """An empty `.attrs` beside the state, which Pulumi writes in place, made it fail with `EOF`."""
    engine.set_config({"fixture:key": "value"})
    engine.run("stack", "tag", "ls")
    assert engine.checkpoint.exists()
    assert list(engine.home.state.rglob("*.attrs")) == []


def checkpoint(engine: Engine, current: str, previous: str | None) -> None:
    engine.checkpoint.write_text(current)
    if previous is None:
        engine.checkpoint.with_name("local.json.bak").unlink(missing_ok=True)
    else:
        engine.checkpoint.with_name("local.json.bak").write_text(previous)


def test_a_state_file_that_lost_its_content_gives_way_to_the_one_before(engine: Engine):
    whole = engine.checkpoint.read_text()
    checkpoint(engine, whole[: len(whole) // 2], whole)
    assert restore_checkpoint(engine)
    assert engine.checkpoint.read_text() == whole
    assert not restore_checkpoint(engine)


def test_without_an_older_state_file_the_stack_starts_anew(engine: Engine):
    checkpoint(engine, "", None)
    assert restore_checkpoint(engine)
    assert not engine.has_stack
    engine.ensure_stack()
    assert engine.has_stack
