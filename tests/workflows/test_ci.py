"""`.github/workflows/ci.yml`: it must run on GitHub and, without containers, on the highway's own runner."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPO = Path(__file__).resolve().parents[2]
PATH = REPO / ".github" / "workflows" / "ci.yml"
WORKFLOW = yaml.safe_load(PATH.read_text())
JOBS = WORKFLOW["jobs"]
STEPS = [(job, step) for job, body in JOBS.items() for step in body["steps"]]


@pytest.mark.parametrize(("job", "step"), STEPS)
def test_a_step_is_the_pinned_checkout_or_a_command(job, step):
    if "uses" in step:
        assert re.fullmatch(r"actions/checkout@[0-9a-f]{40}", step["uses"])
        assert step["with"] == {"persist-credentials": False}
        assert f"{step['uses']} # v" in PATH.read_text(), "people read versions"
    else:
        assert {"name", "run"} <= set(step)


@pytest.mark.parametrize("job", JOBS)
def test_a_job_may_read_the_code_and_nothing_else(job):
    assert WORKFLOW["permissions"] == {}
    assert JOBS[job]["permissions"] == {"contents": "read"}


def test_nothing_is_released_before_the_checks_passed_nor_from_elsewhere():
    assert JOBS["deliver"]["needs"] == "check"
    assert "if" not in JOBS["deliver"], "a condition of its own, such as always(), would undo `needs`"
    releases = [step for _, step in STEPS if "highway release" in step.get("run", "")]
    assert [step["if"] for step in releases] == ["env.HIGHWAY_RUNNER == '1' && github.ref == 'refs/heads/main'"]
    assert releases[0] in JOBS["deliver"]["steps"]


def test_the_tests_of_a_push_never_touch_the_highway_that_runs_them():
    (tests,) = [step for _, step in STEPS if "pytest" in step.get("run", "")]
    assert 'HIGHWAY_HOME="$PWD/.highway" python -m pytest' in tests["run"]


def test_act_accepts_it():
    act = Path(sys.executable).with_name("act")
    said = subprocess.run(
        [act, "push", "--validate", "--strict", "--workflows", PATH, "--platform", "ubuntu-latest=-self-hosted"],
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert said.returncode == 0, said.stderr
