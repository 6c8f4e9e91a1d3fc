"""A push that breaks a unit test turns the CI lane red and releases nothing; the next good push turns it green."""

import json
import subprocess
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infra.contracts.events import IntegrationRun, Outcome
from infra.contracts.outputs import PlatformOutputs
from infra.local.ledger import ledger_client
from infra.operations.releases.state import ReleaseState, StateFile
from tests.support.live import Highway

pytestmark = [pytest.mark.proof, pytest.mark.live, pytest.mark.timeout(1500)]

RUN_SECONDS = 1200
BROKEN = "def test_the_sum():\n    assert 1 + 1 == 3\n"
MENDED = "def test_the_sum():\n    assert 1 + 1 == 2\n"


def push(highway: Highway, content: str) -> str:
    """Commit a change of the app and a test with `content` in the clone and push both; returns the commit."""
    with (highway.repo / "reference-app" / "reference_app" / "__init__.py").open("a") as code:
        code.write("\n# One more line, so that there is something to release.\n")
    # Collected before all others, so that what is broken is found at once.
    (highway.repo / "tests" / "conformance" / "test_a_sum.py").write_text(content)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.invalid"]
    for command in (
        [*git, "add", "--all"],
        [*git, "commit", "--quiet", "--message", "test: a sum"],
        [*git, "push", "--quiet", highway.url("runners", "push_url"), "HEAD:main"],
    ):
        subprocess.run(command, cwd=highway.repo, check=True, capture_output=True)
    shown = subprocess.run(["git", "rev-parse", "HEAD"], cwd=highway.repo, check=True, capture_output=True, text=True)
    return shown.stdout.strip()


def outcome(highway: Highway, commit: str) -> IntegrationRun:
    ledger = ledger_client(highway.home, PlatformOutputs.model_validate(highway.status()["platform"]))
    deadline = time.monotonic() + RUN_SECONDS
    while time.monotonic() < deadline:
        for event in ledger.query(kind="integration_run"):
            if isinstance(event, IntegrationRun) and event.commit == commit and event.outcome is not Outcome.STARTED:
                return event
        time.sleep(1)
    raise AssertionError(f"the runner recorded no outcome of {commit} within {RUN_SECONDS} s")


def lane(highway: Highway, name: str) -> str:
    with urllib.request.urlopen(highway.url("monitoring", "cockpit_url") + "/api/lanes", timeout=10) as answer:
        return str(next(shown["state"] for shown in json.load(answer) if shown["lane"] == name))


def released(highway: Highway) -> ReleaseState:
    state = StateFile.of(highway.home.releases, "reference-app").load()
    assert state is not None
    assert state.stable is not None
    return state


def test_a_broken_push_releases_nothing_and_the_next_good_one_is_released(live_highway: Highway):
    before = released(live_highway)
    broken = outcome(live_highway, push(live_highway, BROKEN))
    assert broken.outcome is Outcome.FAILED
    assert lane(live_highway, "CI") == "red"
    assert released(live_highway) == before

    commit = push(live_highway, MENDED)
    mended = outcome(live_highway, commit)
    assert mended.outcome is Outcome.PASSED, Path(urlsplit(mended.log_uri or "").path).read_text()[-4000:]
    assert lane(live_highway, "CI") == "green"
    after = released(live_highway)
    assert after.stable is not None
    assert after.stable.release.commit == commit
    print(f"the good push was checked and released in {mended.duration_seconds:.0f} s")
