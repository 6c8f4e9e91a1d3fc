"""The conformance cases, executed: every workload here is a real process under supervisord."""

import http.client
import threading
import time
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from infra.contracts.names import THREAD_VARIABLES
from infra.contracts.workload import Pipeline, Step
from infra.local.home import Home
from infra.local.jobs import SupervisedJobs
from infra.local.processes import marked
from infra.local.supervisor import Supervisor, WorkloadFailedError
from infra.local.supervisor_config import KILL_JOB_AFTER_SECONDS
from infra.operations.pipelines.artifacts import ArtifactStore
from infra.operations.pipelines.lineage import Lineage
from infra.operations.pipelines.report import Silent
from infra.operations.pipelines.steps import StepRunner
from tests.conformance.cases import (
    FAILED,
    JOBS,
    PASSED,
    RESTARTED,
    SAID,
    SECRET,
    SERVERS,
    TIMED_OUT,
    TOLD,
    TOLD_ARGUMENTS,
)

pytestmark = pytest.mark.proof

# What a process may take to start or to be seen dead, on a machine that is busy with other tests.
SLACK_SECONDS = 4


@pytest.fixture(scope="module")
def supervisor(tmp_path_factory):
    folder = tmp_path_factory.mktemp("conformance")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.setenv("HIGHWAY_STRANGER", "of the one who starts it")
        supervisor = Supervisor(Home(folder / "home"))
        yield supervisor
        supervisor.shut_down()
        assert marked(supervisor.home.root) == []


@pytest.fixture
def notes(tmp_path):
    return tmp_path / "notes"


def noting(spec, notes):
    return spec.model_copy(
        update={"command": tuple(argument.replace("{notes}", str(notes)) for argument in spec.command)}
    )


@pytest.mark.parametrize("case", JOBS, ids=lambda case: case.name)
def test_job(case, supervisor, notes):
    # One step of a pipeline: whoever runs pipelines is who retries.
    step = Step.model_validate(noting(case.job, notes).model_dump(exclude={"kind"}))
    runner = StepRunner(
        pipeline=Pipeline(name="conformance", **SAID, steps=(step,)),
        run_id="run",
        jobs=SupervisedJobs(supervisor.home),
        store=ArtifactStore((notes.parent / "store").as_uri(), "conformance"),
        lineage=Lineage(commit="c", code_digest="sha256:" + "0" * 64, lock_digest="sha256:" + "0" * 64),
        progress=Silent(),
        stop=threading.Event(),
        retry_wait_seconds=0,
    )
    run = runner.run(step, {})
    assert tuple(_ending(attempt) for attempt in run.attempts) == case.attempts
    assert len(notes.read_text().splitlines()) == len(case.attempts), "each attempt did start"
    for attempt, ended in zip(run.attempts, case.attempts, strict=True):
        if ended == TIMED_OUT:
            assert case.job.timeout_seconds <= attempt.duration_seconds
            assert attempt.duration_seconds <= case.job.timeout_seconds + KILL_JOB_AFTER_SECONDS + SLACK_SECONDS
    assert marked(supervisor.home.root, workload=f"conformance-{step.name}") == []


def _ending(attempt):
    if attempt.is_success:
        return PASSED
    return TIMED_OUT if "timeout" in attempt.reason else FAILED


@pytest.mark.parametrize("case", SERVERS, ids=lambda case: case.name)
def test_server(case, supervisor):
    try:
        begun = time.monotonic()
        if not case.is_ready:
            with pytest.raises(WorkloadFailedError, match="not ready in time"):
                supervisor.apply(case.service)
            took = time.monotonic() - begun
            assert case.service.readiness.budget_seconds <= took
            assert took <= case.service.readiness.budget_seconds + SLACK_SECONDS
            return
        running = supervisor.apply(case.service)
        assert case.start_seconds <= time.monotonic() - begun
        answers = []
        asking = threading.Thread(target=lambda: answers.append(_ask(running.address, case.answer_seconds)))
        asking.start()
        time.sleep(0.5)  # the question is with the server
        begun = time.monotonic()
        supervisor.remove(case.service.name)
        took = time.monotonic() - begun
        asking.join()
        assert (answers == ["done"]) == case.is_answered
        assert took <= case.ends_within_seconds + SLACK_SECONDS
        assert case.is_answered or took >= case.ends_within_seconds, "it was killed before its drain was over"
        assert marked(supervisor.home.root, workload=case.service.name) == []
    finally:
        supervisor.remove(case.service.name)


def _ask(address, seconds):
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        connection.request("GET", f"/{seconds}")
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        connection.close()


@pytest.mark.parametrize("service", RESTARTED, ids=lambda service: f"exit code {service.command[-1]}")
def test_what_ends_is_started_again_ever_more_slowly(service, supervisor, notes):
    try:
        with pytest.raises(WorkloadFailedError, match="keeps ending"):
            supervisor.apply(noting(service, notes))
        deadline = time.monotonic() + 30
        while len(starts := [float(line) for line in notes.read_text().splitlines()]) < 5:
            assert time.monotonic() < deadline, "it was given up"
            time.sleep(0.1)
        waits = [later - earlier for earlier, later in pairwise(starts)]
        assert waits[-1] > waits[0] + 1, waits
    finally:
        supervisor.remove(service.name)


def test_a_process_is_told_what_its_spec_says(supervisor, notes):
    secret = supervisor.home.secret("conformance-secret")
    secret.parent.mkdir(parents=True, exist_ok=True)
    secret.write_text(SECRET)
    try:
        # It ends at once, and so is never ready.
        with pytest.raises(WorkloadFailedError):
            supervisor.apply(noting(TOLD, notes))
        said = [line.split(" ", 1) for line in notes.read_text().splitlines()]
    finally:
        supervisor.remove(TOLD.name)
    environment = dict(text.split("=", 1) for what, text in said if what == "variable")
    expected = [
        text.format(host="127.0.0.1", port=environment["PORT"], secret=environment["A_SECRET_FILE"])
        for text in TOLD_ARGUMENTS
    ]
    assert [text for what, text in said if what == "argument"] == expected
    assert {name: environment[name] for name in TOLD.environment} == TOLD.environment
    assert {environment[name] for name in THREAD_VARIABLES} == {"2"}
    assert [text for what, text in said if what == "file"] == [f"A_SECRET_FILE={SECRET}"]
    assert not any(SECRET in value for value in environment.values())
    assert "HIGHWAY_STRANGER" not in environment, "what starts a highway adds nothing to its workloads"


def test_no_secret_is_in_a_command_line_or_in_the_supervisor_s_files(supervisor, notes):
    secret = supervisor.home.secret("conformance-secret")
    secret.parent.mkdir(parents=True, exist_ok=True)
    secret.write_text(SECRET)
    server = SERVERS[0].service
    try:
        supervisor.apply(server.model_copy(update={"secrets": {"A_SECRET_FILE": secret.name}}))
        for process in marked(supervisor.home.root):
            assert SECRET not in " ".join(process.cmdline())
            assert SECRET not in str(psutil.Process(process.pid).environ())
        for path in Path(supervisor.home.run).rglob("*"):
            assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    finally:
        supervisor.remove(server.name)
