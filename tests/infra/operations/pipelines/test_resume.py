"""A run that is killed or interrupted, and the one after it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.contracts.clock import SystemClock
from infra.operations.pipelines.artifacts import ArtifactStore
from infra.operations.pipelines.report import StepStatus
from infra.operations.pipelines.run import run_pipeline
from infra.operations.pipelines.subprocess_jobs import SubprocessJobs
from tests.support.service import REPO
from tests.support.toy_pipeline import LINEAGE, chain

# Runs the chain whose second step waits until a file named `go` appears.
DRIVER = """
import pathlib, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, where tests run in the background of a shell
from infra.contracts.clock import SystemClock
from infra.operations.pipelines.run import run_pipeline
from infra.operations.pipelines.subprocess_jobs import SubprocessJobs
from tests.support.toy_pipeline import LINEAGE, chain
folder, wait = pathlib.Path(sys.argv[1]), sys.argv[2]
run_pipeline(chain(folder / "journal", second=wait), jobs=SubprocessJobs(folder=folder, logs=folder / "logs"),
             storage_uri=(folder / "storage").as_uri(), lineage=LINEAGE, clock=SystemClock())
"""


def waiting_code(folder: Path) -> str:
    return (
        f"import time; pathlib.Path({str(folder / 'pid')!r}).write_text(str(os.getpid()))\n"
        "(folder('OUTPUT', 'b') / 'half').write_text('half')\n"
        f"while not pathlib.Path({str(folder / 'go')!r}).exists(): time.sleep(0.01)\n"
        "(folder('OUTPUT', 'b') / 'half').unlink()"
    )


def wait_for(path: Path) -> str:
    deadline = time.monotonic() + 30
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.02)
    return path.read_text()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_the_next_run_does_only_what_was_not_finished(tmp_path: Path, ending: signal.Signals) -> None:
    code = waiting_code(tmp_path)
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tmp_path), code], cwd=REPO, stderr=subprocess.PIPE, text=True
    )
    job = int(wait_for(tmp_path / "pid"))
    driver.send_signal(ending)
    _, errors = driver.communicate(timeout=20)
    if ending is signal.SIGINT:
        assert "KeyboardInterrupt" in errors
        assert not is_alive(job), "an interrupted run must end its jobs"
    else:
        os.kill(job, signal.SIGKILL)  # locally the supervisor's launcher does this at the next start

    (tmp_path / "go").touch()
    run = run_pipeline(
        chain(tmp_path / "journal", second=code),
        jobs=SubprocessJobs(folder=tmp_path, logs=tmp_path / "logs"),
        storage_uri=(tmp_path / "storage").as_uri(),
        lineage=LINEAGE,
        clock=SystemClock(),
    )
    assert [step.status for step in run.steps] == [StepStatus.CACHED, StepStatus.PASSED, StepStatus.PASSED]
    assert (tmp_path / "journal").read_text().split() == ["first", "second", "second", "third"]
    store = ArtifactStore((tmp_path / "storage").as_uri(), "toy")
    assert not store.staging.exists(), "what the killed run had begun is gone"
    assert [path.name for path in store.path_of(run.steps[1].outputs["b"]).iterdir()] == ["text"]


@pytest.mark.parametrize("cut", ["before the artifact", "between artifact and record"])
def test_a_kill_while_publishing_leaves_no_half_step(tmp_path: Path, cut: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write that publishing makes is the last one in turn."""
    store = ArtifactStore(tmp_path.as_uri(), "toy")
    staged = store.stage("run", "step-1", ("a", "b"))
    for name, folder in staged.items():
        (folder / "text").write_text(name)

    class KilledError(BaseException):
        """Nothing in the executor may catch it, as nothing catches SIGKILL."""

    def killed(*_: object, **__: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        if cut == "before the artifact":
            patch.setattr(Path, "rename", killed)
        else:
            patch.setattr("infra.operations.pipelines.artifacts.write_atomically", killed)
        with pytest.raises(KilledError):
            store.publish("sha256:00", "step", "run", staged)
    assert store.find("sha256:00") is None

    store.clear_staging()
    staged = store.stage("run-2", "step-1", ("a", "b"))
    for name, folder in staged.items():
        (folder / "text").write_text(name)
    store.publish("sha256:00", "step", "run-2", staged)
    assert store.find("sha256:00") is not None
