"""Jobs without a supervisor: they keep the promise of `JobRunner`, or are refused."""

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from infra.contracts.workload import DataClassification, Job, Resources
from infra.operations.pipelines.subprocess_jobs import JobRefusedError, SubprocessJobs


def job(code: str, **more: object) -> Job:
    fields = {
        "name": "job",
        "owner": "tests",
        "data_classification": DataClassification.PUBLIC,
        "command": ("python", "-c", code),
    }
    return Job.model_validate({**fields, **more})


@pytest.fixture
def jobs(tmp_path: Path) -> SubprocessJobs:
    return SubprocessJobs(folder=tmp_path, logs=tmp_path / "logs")


def test_a_job_sees_its_folder_its_variables_and_its_share_of_the_cores(jobs: SubprocessJobs) -> None:
    names = ("OWN", "GIVEN", "OMP_NUM_THREADS")
    code = f"import os, sys; print(os.getcwd(), sys.executable, *[os.environ[name] for name in {names}])"
    spec = job(code, environment={"OWN": "own"}, resources=Resources(cpus=2))
    result = jobs.run(spec, {"GIVEN": "given"})
    assert result.is_success, result.log.read_text()
    assert result.log.read_text().split() == [str(jobs.folder), str(jobs.python), "own", "given", "2"]


def test_nothing_else_of_the_caller_reaches_it(jobs: SubprocessJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """As under the supervisor. This variable chooses OpenBLAS' kernels, and with them a model's last digits."""
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    result = jobs.run(job("import os; print(os.environ.get('OPENBLAS_CORETYPE'))"), {})
    assert result.log.read_text().strip() == "None"


def test_its_command_is_expanded_as_everywhere(jobs: SubprocessJobs) -> None:
    code = "import sys; print(sys.argv[1:])"
    result = jobs.run(job(code, command=("python", "-c", code, "$(OWN)", "$$(OWN)"), environment={"OWN": "own"}), {})
    assert result.log.read_text().strip() == "['own', '$(OWN)']"


@pytest.mark.proof
def test_a_timeout_ends_what_the_job_started_as_well(jobs: SubprocessJobs) -> None:
    code = (
        "import pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "pathlib.Path('child').write_text(str(child.pid)); time.sleep(60)"
    )
    result = jobs.run(job(code, timeout_seconds=1), {})
    assert (result.exit_code, result.reason) == (None, "killed after its timeout of 1 s")
    child = int((jobs.folder / "child").read_text())
    deadline = time.monotonic() + 5
    while is_running(child):
        assert time.monotonic() < deadline, "its child outlived it"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Neither gone nor waiting to be reaped by whoever inherited it."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_it_can_be_stopped(jobs: SubprocessJobs) -> None:
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    result = jobs.run(job("import time; time.sleep(60)"), {}, stop)
    assert (result.exit_code, result.reason) == (None, "stopped by whoever waits for it")


def test_a_secret_that_nobody_gives_is_named(tmp_path: Path) -> None:
    spec = job("import os; print(os.environ['KEY'])", secrets={"KEY": "registry-password"})
    with pytest.raises(JobRefusedError, match="needs the secret registry-password"):
        SubprocessJobs(folder=tmp_path, logs=tmp_path).run(spec, {})
    result = SubprocessJobs(folder=tmp_path, logs=tmp_path, environment={"KEY": "/a/path"}).run(spec, {})
    assert result.log.read_text().strip() == "/a/path"


def test_a_bundle_is_refused(jobs: SubprocessJobs) -> None:
    with pytest.raises(JobRefusedError, match="runs the bundle"):
        jobs.run(job("pass", bundle="sha256:" + "0" * 64), {})


def test_another_python_runs_them(tmp_path: Path) -> None:
    other = tmp_path / "bin" / "python"
    other.parent.mkdir()
    other.write_text(f'#!/bin/sh\necho other\nexec {sys.executable} "$@"\n')
    other.chmod(0o700)
    result = SubprocessJobs(folder=tmp_path, logs=tmp_path / "logs", python=other).run(job("print('job')"), {})
    assert result.log.read_text().split() == ["other", "job"]
