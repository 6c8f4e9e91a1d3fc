"""A run that ends at any of its persisted transitions, and the one after it."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.killing import ALL, TRANSITIONS
from tests.support.service import REPO

pytestmark = pytest.mark.proof

ALWAYS = {"split"}  # it is volatile
INTERRUPTED = 130


def attempts(folder: Path, ending: signal.Signals, every: int) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.killing", str(folder), str(int(ending)), str(every)],
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("ending", "every", "code"), [(signal.SIGKILL, 1, -signal.SIGKILL), (signal.SIGINT, 7, INTERRUPTED)], ids=str
)
def test_the_next_run_does_what_was_not_finished_and_ends_the_same(
    tmp_path: Path, ending: signal.Signals, every: int, code: int
) -> None:
    *ended, whole = attempts(tmp_path / "runs", ending, every)
    assert whole["ended"] == 0
    assert len(ended) * every > 60, f"a run has many more transitions ({TRANSITIONS}) than were seen"
    assert {each["ended"] for each in ended} == {code}
    for each in ended:
        finished = set(each["finished"])
        # The whole of the mapped step is recorded once all of its partitions are.
        assert set(each["ran"]) == (ALL - finished) | ALWAYS, each
        assert "each" not in finished or {"eachx", "eachy"} <= finished, each
        assert each["outputs"] == whole["outputs"], each
        assert each["objects"] == whole["objects"], f"artifacts that nobody names, after {each['number']}"
        assert each["litter"] == [], each
    stages = {frozenset(each["finished"]) for each in ended}
    assert len(stages) >= 4, "it was ended before, between and after the steps"
