"""The runner as a process: real git, real act, real kills. The ledger is down; the outbox shows what is recorded."""

import os
import signal
import subprocess
import sys
import time
import urllib.request

import psutil
import pytest

from infra.contracts.events import EVENT
from infra.local.home import Home
from infra.operations.runner.leftovers import RUN_VARIABLE
from infra.operations.runner.repository import Repository
from tests.support.working_copy import BAD_TEST, CI_YML, GOOD_TEST, WorkingCopy, workflow

pytestmark = pytest.mark.proof

CI = ".github/workflows/ci.yml"
PORT = 8391


class Runner:
    def __init__(self, folder):
        self.home = Home(folder / "home")
        self.repository = Repository(self.home)
        self.repository.ensure()
        self.clone = WorkingCopy.create(folder / "clone", self.repository.path)
        self.log = folder / "runner.log"
        (folder / "token").write_text("t")
        self.environment = {
            **os.environ,
            "HIGHWAY_HOME": str(self.home.root),
            "HIGHWAY_WORKLOAD": "runner",
            "PORT": str(PORT),
            "HIGHWAY_LEDGER_URL": "http://127.0.0.1:9",
            "HIGHWAY_LEDGER_TOKEN_FILE": str(folder / "token"),
            "HIGHWAY_LEDGER_OUTBOX": str(self.home.outbox),
        }
        self.process = None

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "infra.operations.runner"], env=self.environment, stdout=log, stderr=log
            )
        self.until(lambda: self.get("/health") == "running\n")

    def end(self, how):
        self.process.send_signal(how)
        self.process.wait(30)

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=2) as response:
                return response.read().decode()
        except OSError:
            return None

    def events(self):
        paths = sorted(self.home.outbox.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        return [EVENT.validate_json(path.read_bytes()) for path in paths]

    def verdicts(self):
        return [(event.commit, str(event.outcome)) for event in self.events() if event.outcome != "started"]

    def until(self, is_so, seconds=60):
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def processes(self):
        """Of all runs of this home, wherever they went."""
        found = []
        for process in psutil.process_iter():
            try:
                environment = process.environ()
            except (psutil.Error, OSError):
                continue
            if RUN_VARIABLE in environment and environment.get("HIGHWAY_HOME") == str(self.home.root):
                found.append(process)
        return [process for process in found if process.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def runner(tmp_path):
    runner = Runner(tmp_path)
    yield runner
    if runner.process and runner.process.poll() is None:
        runner.end(signal.SIGTERM)
    assert runner.processes() == []


def test_red_then_green_and_only_green_is_released(runner):
    runner.start()
    bad = runner.clone.commit_and_push({CI: CI_YML, "test_two.py": BAD_TEST})
    runner.until(lambda: runner.verdicts() == [(bad, "failed")])
    assert not (runner.home.root / "released").exists()
    good = runner.clone.commit_and_push({"test_two.py": GOOD_TEST})
    runner.until(lambda: runner.verdicts() == [(bad, "failed"), (good, "passed")])
    assert (runner.home.root / "released").read_text().split() == [good]
    metrics = runner.get("/metrics")
    assert 'ci_runs_total{outcome="passed"} 1.0' in metrics
    assert "ci_pushes_waiting 0.0" in metrics


def test_pushes_while_the_runner_is_down_are_all_run_in_their_order(runner):
    commits = [runner.clone.commit_and_push({CI: workflow("true"), "n": str(number)}) for number in range(3)]
    runner.start()
    runner.until(lambda: runner.verdicts() == [(commit, "passed") for commit in commits])


def test_a_runner_that_is_killed_in_the_middle_takes_the_push_up_again(runner):
    script = 'echo begun >> "$HIGHWAY_HOME/runs"\ntest -e "$HIGHWAY_HOME/go" || { setsid sleep 300 & sleep 300; }'
    runner.start()
    commit = runner.clone.commit_and_push({CI: workflow(script)})
    runs = runner.home.root / "runs"
    runner.until(runs.exists)
    runner.end(signal.SIGKILL)
    assert runner.processes(), "act outlives a runner that is killed"
    (runner.home.root / "go").touch()
    runner.start()
    runner.until(lambda: runner.verdicts() == [(commit, "passed")])
    assert runs.read_text() == "begun\nbegun\n"
    assert [str(event.outcome) for event in runner.events()].count("started") == 1


def test_a_stop_ends_the_run_and_the_next_runner_repeats_it(runner):
    runner.start()
    commit = runner.clone.commit_and_push({CI: workflow('test -e "$HIGHWAY_HOME/go" || sleep 300')})
    runner.until(lambda: len(runner.processes()) > 1)
    begun = time.monotonic()
    runner.end(signal.SIGTERM)
    assert time.monotonic() - begun < 15
    assert runner.processes() == []
    assert runner.verdicts() == []
    (runner.home.root / "go").touch()
    runner.start()
    runner.until(lambda: runner.verdicts() == [(commit, "passed")])


def test_it_listens_on_loopback_alone_while_it_runs(runner):
    runner.start()
    runner.clone.commit_and_push({CI: workflow("sleep 3")})
    runner.until(lambda: len(runner.processes()) > 1)
    parent = psutil.Process(runner.process.pid)
    listening = {
        connection.laddr
        for process in [parent, *parent.children(recursive=True)]
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {("127.0.0.1", PORT)}


def test_a_second_runner_of_the_same_highway_is_refused(runner):
    runner.start()
    second = subprocess.run(
        [sys.executable, "-m", "infra.operations.runner"],
        env={**runner.environment, "PORT": str(PORT + 1)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode != 0
    assert "another runner works for" in second.stderr
