"""What a run of the tests tells of itself: never more than it knows, and never at its own cost."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.contracts.events import CheckRun, Lane, Outcome
from tests.support.working_copy import WorkingCopy

REPO = Path(__file__).parents[1]
SETTINGS = """
[tool.pytest.ini_options]
testpaths = ["tests"]
addopts = "-m 'not proof and not nightly'"
markers = ["data: of the suite", "model: of the suite", "proof: a tier", "nightly: a tier"]
"""
TESTS = """
import os, pytest

@pytest.mark.data
def test_rows(): pass

@pytest.mark.data
def test_more_rows(): pytest.skip("no data")

@pytest.mark.model
def test_learns(): pytest.skip("no model")

def test_code(): assert not [name for name in os.environ if name.startswith("HIGHWAY_LEDGER")]
"""


@dataclass
class Checkout:
    """A small repo of the same layout."""

    copy: WorkingCopy
    outbox: Path

    def run(self, *arguments: str, outbox: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "tests.support.evidence",
                "-p",
                "no:cacheprovider",
                *arguments,
            ],
            cwd=self.copy.path,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
                "PYTHONPATH": str(REPO),
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "HIGHWAY_LEDGER_URL": "http://127.0.0.1:9",
                "HIGHWAY_LEDGER_OUTBOX": str(outbox or self.outbox),
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def evidence(self) -> dict[str, CheckRun]:
        """By check; takes it away."""
        found: dict[str, CheckRun] = {}
        for path in self.outbox.glob("*.json"):
            event = CheckRun.model_validate_json(path.read_bytes())
            found[event.check] = event
            path.unlink()
        return found


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    copy = WorkingCopy.create(tmp_path / "repo", tmp_path / "none.git")
    files = {
        "pyproject.toml": SETTINGS,
        "tests/test_all.py": TESTS,
        "pipelines/step.py": "",
        "requirements/highway.lock": "a==1",
        ".gitignore": "__pycache__",
    }
    copy.commit(files)
    return Checkout(copy, tmp_path / "outbox")


def lines(said: str) -> Sequence[str]:
    return [
        re.sub(r" in [0-9.]+ s$", "", line) for line in said.splitlines() if line.startswith(("suite ", "evidence: "))
    ]


def test_a_clean_tree_leaves_a_line_and_a_fact_for_each_suite_that_ran(checkout: Checkout):
    ran = checkout.run()
    assert ran.returncode == 0, ran.stdout
    assert lines(ran.stdout) == [
        "suite data: 1 passed, 1 skipped",
        "suite model: 1 skipped",
        "suite code: 1 passed",
        "evidence: 2 suites for the ledger",
    ]
    evidence = checkout.evidence()
    assert set(evidence) == {"suite.data", "suite.code"}, "a suite of which every test was skipped checked nothing"
    data = evidence["suite.data"]
    assert (data.outcome, data.suite, data.lane) == (Outcome.PASSED, "data", Lane.INTEGRATION)
    assert data.commit == checkout.copy.git("rev-parse", "HEAD").strip()
    assert "1 passed, 1 skipped" in data.summary
    assert "(exit code 0)" in data.summary
    assert (data.value, data.limit) == (0, 0)
    assert evidence["suite.code"].run_id == data.run_id

    (checkout.copy.path / "pipelines/step.py").write_text("changed = True")
    (checkout.copy.path / "requirements/highway.lock").write_text("a==2")
    changed = checkout.run().returncode, checkout.evidence()["suite.data"]
    assert changed[0] == 0
    assert changed[1].commit == f"{data.commit}-dirty"
    assert changed[1].inputs_digest != data.inputs_digest
    assert changed[1].environment_digest != data.environment_digest


def test_a_folder_of_the_same_name_makes_no_suite(checkout: Checkout):
    checkout.copy.commit({"tests/model/test_code_alone.py": "def test_code(): pass"})
    assert lines(checkout.run().stdout)[1:3] == ["suite model: 1 skipped", "suite code: 2 passed"]


def test_a_failure_is_evidence_and_what_it_kept_from_running_is_not(checkout: Checkout):
    failing = TESTS.replace("def test_rows(): pass", "def test_rows(): assert False")
    checkout.copy.commit({"tests/test_all.py": failing})
    ran = checkout.run("--exitfirst")
    assert ran.returncode == 1
    assert "suite code: 1 not run" in lines(ran.stdout)
    (failed,) = checkout.evidence().values()
    assert (failed.check, failed.outcome, failed.value) == ("suite.data", Outcome.FAILED, 1)
    assert "(exit code 1)" in failed.summary


@pytest.mark.parametrize("part", [["tests/test_all.py"], ["-k", "test_rows"], ["--collect-only"]])
def test_a_part_of_a_suite_is_no_evidence(checkout: Checkout, part: list[str]):
    assert checkout.run(*part).returncode == 0
    assert checkout.evidence() == {}


def test_a_suite_can_be_run_alone(checkout: Checkout):
    assert lines(checkout.run("-m", "data").stdout)[0] == "suite data: 1 passed, 1 skipped"
    evidence = checkout.evidence()
    assert set(evidence) == {"suite.data"}
    assert evidence["suite.data"].command == "pytest -m 'data'"


def test_a_tier_has_verdicts_of_its_own(checkout: Checkout):
    """What fails in `make proof` must not look mended after the next `make test`."""
    slow = "\n\n@pytest.mark.data\n@pytest.mark.{tier}\ndef test_{tier}(): assert {verdict}"
    tiers = slow.format(tier="proof", verdict=False) + slow.format(tier="nightly", verdict=True)
    checkout.copy.commit({"tests/test_all.py": TESTS + tiers})
    assert lines(checkout.run("-m", "proof").stdout)[0] == "suite data.proof: 1 failed"
    (proof,) = checkout.evidence().values()
    assert (proof.check, proof.suite, proof.outcome) == ("suite.data.proof", "data", Outcome.FAILED)
    checkout.run("-m", "nightly")
    assert set(checkout.evidence()) == {"suite.data.nightly"}
    checkout.run()
    assert set(checkout.evidence()) == {"suite.data", "suite.code"}
    checkout.run("-m", "data")
    outcomes = {name: check.outcome for name, check in checkout.evidence().items()}
    assert outcomes == {
        "suite.data": Outcome.PASSED,
        "suite.data.proof": Outcome.FAILED,
        "suite.data.nightly": Outcome.PASSED,
    }


def test_an_outbox_that_takes_nothing_fails_no_test(checkout: Checkout):
    checkout.outbox.write_text("a file")
    ran = checkout.run()
    assert ran.returncode == 0, ran.stdout
    assert "cannot be kept in" in lines(ran.stdout)[-1]
