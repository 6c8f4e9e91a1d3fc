"""One run of a repo's `ci.yml`, on this machine, through act."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from infra.contracts.events import CheckRun
from infra.contracts.files import write_atomically
from infra.contracts.ledger import OUTBOX_VARIABLE
from infra.local.home import HOME_VARIABLE, WORKLOAD_VARIABLE, Home
from infra.operations.runner.checks import checks_of
from infra.operations.runner.leftovers import RUN_VARIABLE, end_run
from infra.operations.runner.repository import Repository, RepositoryError
from infra.operations.runner.run_log import forget_old_logs, write_log
from infra.operations.runner.spool import Push

WORKFLOW = ".github/workflows/ci.yml"
RUNNER_VARIABLE = "HIGHWAY_RUNNER"  # "1" in every step: this is the highway's own runner
WORKLOAD = "runner"
OUTBOX = "outbox"  # of one run, in its folder
POLL_SECONDS = 0.1
# A process that left its run and kept its output open must not keep the runner.
READER_SECONDS = 5


class StoppedError(Exception):
    """The runner was told to stop; the push has to be run again."""


@dataclass(frozen=True)
class Verdict:
    """`reason` is half a sentence: "passed", or why it did not. `checks` is what the run itself left as evidence."""

    is_passed: bool
    reason: str
    checks: tuple[CheckRun, ...] = ()


@dataclass(frozen=True)
class Workflow:
    home: Home
    repository: Repository
    timeout_seconds: float
    stop: threading.Event

    def log(self, push: Push) -> Path:
        return self.home.logs / "ci" / f"{push.id}.log"

    def run(self, push: Push) -> Verdict:
        """Check out, run, clean up. Raises `StoppedError`; everything else is a verdict."""
        # An earlier runner may have been killed in the middle of this very push.
        end_run(push.id, self.home, WORKLOAD)
        folder = self.home.run / "runner" / push.id
        checkout = folder / "checkout"
        try:
            self.repository.check_out(push.commit, push.branch, checkout)
            if not (checkout / WORKFLOW).is_file():
                return Verdict(False, f"has no {WORKFLOW}; add one that says how it is tested")
            verdict = self._act(push, folder, checkout)
            return replace(verdict, checks=checks_of(folder / OUTBOX, push))
        except RepositoryError as error:
            return Verdict(False, f"could not be checked out: {error}")
        finally:
            end_run(push.id, self.home, WORKLOAD)
            shutil.rmtree(folder, ignore_errors=True)

    def _act(self, push: Push, folder: Path, checkout: Path) -> Verdict:
        event = folder / "event.json"
        write_atomically(event, json.dumps({"ref": f"refs/heads/{push.branch}", "after": push.commit}))
        log = self.log(push)
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        forget_old_logs(log.parent)
        process = subprocess.Popen(
            [
                Path(sys.executable).with_name("act"),
                "push",
                *("--directory", checkout, "--workflows", checkout / WORKFLOW, "--eventpath", event),
                *("--platform", "ubuntu-latest=-self-hosted", "--env", f"{RUNNER_VARIABLE}=1"),
                *("--action-cache-path", folder / "act", "--actor", "highway"),
                # Its cache server would listen on all addresses, and no step needs it.
                "--no-cache-server",
            ],
            # act reads the .actrc of its working directory, and this one is ours.
            cwd=folder,
            env=self._environment(push, folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        failed_steps: list[str | None] = []

        def read() -> None:
            assert process.stdout is not None, "stdout=PIPE above"
            with process.stdout as lines:
                failed_steps.append(write_log(lines, log))

        reader = threading.Thread(target=read, name="run-log", daemon=True)
        reader.start()
        try:
            is_over = self._wait(process)
        finally:
            end_run(push.id, self.home, WORKLOAD)
            exit_code = process.wait()
            reader.join(READER_SECONDS)
        if not is_over:
            return Verdict(False, f"took longer than {self.timeout_seconds:g} s and was ended")
        if exit_code == 0:
            return Verdict(True, "passed")
        step = failed_steps[0] if failed_steps else None
        return Verdict(False, f"failed in {step}" if step else f"failed: act ended with exit code {exit_code}")

    def _wait(self, process: "subprocess.Popen[bytes]") -> bool:
        """False when it took too long. Raises `StoppedError`."""
        deadline = time.monotonic() + self.timeout_seconds
        while process.poll() is None:
            if self.stop.wait(POLL_SECONDS):
                raise StoppedError
            if time.monotonic() > deadline:
                return False
        return True

    def _environment(self, push: Push, folder: Path) -> dict[str, str]:
        tools = [str(Path(sys.executable).parent), str(self.home.root / "tools" / "bin")]
        return {
            # Of the runner's own: its ledger token and port are no business of a step, which leaves its evidence
            # with the run.
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("GIT_", "HIGHWAY_")) and name not in ("PORT", "HOST", "VIRTUAL_ENV")
            },
            "PATH": os.pathsep.join([*tools, os.environ.get("PATH", os.defpath)]),
            # A checkout's path is used once: its byte code would only fill the cache.
            "PYTHONDONTWRITEBYTECODE": "1",
            # act gives its steps a terminal, in which git would wait for a key.
            **{"TERM": "dumb", "PAGER": "cat", "GIT_PAGER": "cat", "NO_COLOR": "1"},
            HOME_VARIABLE: str(self.home.root),
            WORKLOAD_VARIABLE: WORKLOAD,
            RUN_VARIABLE: push.id,
            OUTBOX_VARIABLE: str(folder / OUTBOX),
            RUNNER_VARIABLE: "1",
        }
