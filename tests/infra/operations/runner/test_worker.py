"""The worker with real git and real act; its ledger is down, so the outbox shows what it recorded."""

import json
import threading

import psutil
import pytest

from infra.contracts.clock import SystemClock
from infra.contracts.events import EVENT, CheckRun
from infra.contracts.ledger import LedgerClient
from infra.local.home import Home
from infra.operations.runner.evidence import Evidence
from infra.operations.runner.leftovers import RUN_VARIABLE
from infra.operations.runner.repository import Repository
from infra.operations.runner.spool import Push, Spool
from infra.operations.runner.worker import TAKES, Worker
from infra.operations.runner.workflow import Workflow
from tests.support.working_copy import BAD_TEST, CI_YML, GOOD_TEST, WorkingCopy, workflow

CI = ".github/workflows/ci.yml"


class Highway:
    """One home with a runner's parts, and a developer's clone."""

    def __init__(self, folder, timeout_seconds=60):
        self.home = Home(folder / "home")
        self.repository = Repository(self.home)
        self.repository.ensure()
        self.clone = WorkingCopy.create(folder / "clone", self.repository.path)
        self.stop = threading.Event()
        self.spool = Spool(self.repository.spool)
        token = folder / "token"
        token.write_text("t")
        self.worker = Worker(
            spool=self.spool,
            workflow=Workflow(self.home, self.repository, timeout_seconds, self.stop),
            evidence=Evidence(SystemClock()),
            ledger=LedgerClient("http://127.0.0.1:9", token, self.home.outbox),
            stop=self.stop,
        )

    def events(self):
        paths = sorted(self.home.outbox.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        return [EVENT.validate_json(path.read_bytes()) for path in paths]

    def released(self):
        path = self.home.root / "released"
        return path.read_text().split() if path.exists() else []


@pytest.fixture
def highway(tmp_path):
    return Highway(tmp_path)


def test_a_bad_push_is_red_and_releases_nothing_and_the_next_good_one_is_green(highway):
    bad = highway.clone.commit_and_push({CI: CI_YML, "test_two.py": BAD_TEST})
    good = highway.clone.commit_and_push({"test_two.py": GOOD_TEST})
    highway.worker.run_waiting()
    assert [(event.commit, event.outcome) for event in highway.events()] == [
        (bad, "started"),
        (bad, "failed"),
        (good, "started"),
        (good, "passed"),
    ]
    red, green = highway.events()[1], highway.events()[3]
    assert red.summary == f"main at {bad[:10]} failed in ci/check: unit tests"
    assert green.summary == f"main at {good[:10]} passed"
    assert (green.branch, green.subject, green.lane) == ("main", "main", "CI")
    assert 0 < green.duration_seconds < 60
    assert "assert (1 + 1) == 3" in highway.worker.workflow.log(_push_of(red)).read_text()
    assert highway.released() == [good]
    assert not highway.spool.waiting()
    assert not list((highway.home.run / "runner").iterdir()), "work folders are removed"


def test_another_branch_is_checked_and_not_released(highway):
    highway.clone.commit({CI: CI_YML, "test_two.py": GOOD_TEST})
    highway.clone.push("main:experiment")
    highway.worker.run_waiting()
    assert [(event.branch, event.outcome) for event in highway.events()][-1] == ("experiment", "passed")
    assert highway.released() == []


def test_a_push_without_a_workflow_fails_with_the_fix(highway):
    highway.clone.commit_and_push({"a": "1"})
    highway.worker.run_waiting()
    assert highway.events()[-1].outcome == "failed"
    assert "has no .github/workflows/ci.yml; add one" in highway.events()[-1].summary


def test_a_workflow_that_is_none_fails(highway):
    highway.clone.commit_and_push({CI: "jobs: [this is no workflow"})
    highway.worker.run_waiting()
    assert highway.events()[-1].outcome == "failed"


def test_a_run_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path):
    highway = Highway(tmp_path, timeout_seconds=2)
    # What leaves its session and its parent, as daemons do, goes too.
    highway.clone.commit_and_push({CI: workflow("setsid sleep 300 &\nsleep 300")})
    highway.worker.run_waiting()
    last = highway.events()[-1]
    assert last.outcome == "failed"
    assert "took longer than 2 s and was ended" in last.summary
    assert _processes_of(_push_of(last).id) == []


def test_what_a_finished_run_leaves_behind_is_ended(highway):
    highway.clone.commit_and_push({CI: workflow("setsid sleep 300 > /dev/null 2>&1 < /dev/null &\nsleep 0.5")})
    highway.worker.run_waiting()
    assert highway.events()[-1].outcome == "passed"
    assert _processes_of(_push_of(highway.events()[-1]).id) == []


def test_an_orderly_stop_records_no_verdict_and_the_push_is_run_again(highway):
    flag = highway.home.root / "go"
    highway.clone.commit_and_push({CI: workflow('test -e "$HIGHWAY_HOME/go" || sleep 300')})
    timer = threading.Timer(1, highway.stop.set)
    timer.start()
    highway.worker.run_waiting()
    timer.join()
    assert [event.outcome for event in highway.events()] == ["started"]
    flag.touch()
    highway.stop.clear()
    highway.worker.run_waiting()
    assert [event.outcome for event in highway.events()] == ["started", "passed"], "started is told once"


def test_an_outcome_that_could_not_be_recorded_is_not_run_again(highway):
    highway.clone.commit_and_push({CI: workflow('echo run >> "$HIGHWAY_HOME/runs"')})
    (push,) = highway.spool.waiting()
    outbox = highway.home.outbox
    outcome = highway.worker._outcome(push)
    highway.spool.finish(push, outcome)
    for path in outbox.glob("*.json"):
        path.unlink()
    highway.worker.run_waiting()
    assert [event.outcome for event in highway.events()] == ["passed"]
    assert (highway.home.root / "runs").read_text() == "run\n"


def test_a_run_that_ends_its_runner_each_time_is_given_up(highway):
    highway.clone.commit_and_push({CI: workflow('touch "$HIGHWAY_HOME/ran"')})
    (push,) = highway.spool.waiting()
    for _ in range(TAKES):
        highway.spool.take(push)
    highway.worker.run_waiting()
    assert "ended the runner 3 times" in highway.events()[-1].summary
    assert not (highway.home.root / "ran").exists()


def test_what_is_no_push_is_put_aside(highway):
    (highway.spool.folder / "1-1-1.json").write_text('{"id": "../../etc"}')
    commit = highway.clone.commit_and_push({CI: workflow("true")})
    highway.worker.run_waiting()
    assert [event.commit for event in highway.events()] == [commit, commit]
    assert (highway.spool.folder / "1-1-1.unreadable").exists()


def test_a_step_sees_neither_the_runner_s_token_nor_its_port(highway, monkeypatch):
    monkeypatch.setenv("HIGHWAY_LEDGER_TOKEN_FILE", "/somewhere")
    monkeypatch.setenv("PORT", "1")
    script = 'env > "$HIGHWAY_HOME/seen"'
    highway.clone.commit_and_push({CI: workflow(script)})
    highway.worker.run_waiting()
    seen = dict(line.split("=", 1) for line in (highway.home.root / "seen").read_text().splitlines() if "=" in line)
    assert not {"PORT", "HIGHWAY_LEDGER_TOKEN_FILE"} & set(seen)
    assert seen["HIGHWAY_RUNNER"] == "1"
    assert seen["GITHUB_REF"] == "refs/heads/main"


def test_a_run_leaves_evidence_without_the_token_and_only_of_itself(highway):
    said = CheckRun(
        event_time=SystemClock().now(),
        recorded_at=SystemClock().now(),
        outcome="passed",
        subject="digital-highway",
        summary="tests of data: 34 passed in 12.3 s (exit code 0)",
        actor="tests",
        commit="COMMIT",
        check="suite.data",
        suite="data",
        run_id="tests-1",
    )
    promoted = {**said.model_dump(mode="json"), "kind": "release_step"}
    files = {
        "1-true": said,
        "2-other-commit": said.model_copy(update={"check": "suite.model", "suite": "model", "commit": "b" * 40}),
        "3-other-check": said.model_copy(update={"check": "flights.2013-03"}),
    }
    sources = {f"said/{name}.json": event.model_dump_json() for name, event in files.items()}
    sources |= {"said/4-forged.json": json.dumps(promoted), "said/5-huge.json": " " * 70_000, "said/6-cut.json": "{"}
    script = (
        'mkdir -p "$HIGHWAY_LEDGER_OUTBOX"; commit="$(git rev-parse HEAD)"\n'
        'for file in said/*; do sed "s/COMMIT/$commit/" "$file" > "$HIGHWAY_LEDGER_OUTBOX/${file#said/}"; done'
    )
    checked_out = workflow(script).replace("steps:\n", "steps:\n      - uses: actions/checkout@v6\n")
    commit = highway.clone.commit_and_push({CI: checked_out, **sources})
    highway.worker.run_waiting()
    started, check, finished = highway.events()
    assert (check.kind, check.check, check.commit, check.lane) == ("check_run", "suite.data", commit, "CI")
    assert check.run_id == _push_of(finished).id
    assert check.id == f"ci-{check.run_id}-suite.data"
    assert [started.outcome, finished.outcome] == ["started", "passed"], "the run itself is the lane's last word"


def _push_of(event):
    return Push(id=event.id.split("-", 1)[1].rsplit("-", 1)[0], commit=event.commit, branch=event.branch)


def _processes_of(run):
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(RUN_VARIABLE) == run and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found
