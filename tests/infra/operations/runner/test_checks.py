"""What is believed of the evidence that a push left, and what is not."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.contracts.events import CheckRun, Lane, Outcome
from infra.contracts.ledger import keep
from infra.contracts.names import PROJECT
from infra.operations.runner.checks import BYTES_MAX, checks_of
from infra.operations.runner.spool import Push

PUSH = Push(id="1-2-3", commit="c0ffee" * 7, branch="main")
LONG_AFTER = datetime.now(UTC) + timedelta(days=9999)


def said(**changes: Any) -> CheckRun:
    event = CheckRun(
        id="its-own",
        event_time=LONG_AFTER,
        recorded_at=LONG_AFTER,
        outcome=Outcome.PASSED,
        subject="train",
        summary="tests of data: 3 passed in 1.0 s",
        actor="tests",
        commit=PUSH.commit,
        lane=Lane.TRAINING,
        check="suite.data",
        suite="data",
        run_id="its-own",
    )
    return event.model_copy(update=changes)


def test_a_verdict_is_of_this_push_and_of_now_whatever_it_says_of_itself(tmp_path: Path) -> None:
    keep(tmp_path, said())
    (check,) = checks_of(tmp_path, PUSH)
    assert (check.id, check.run_id) == (f"ci-{PUSH.id}-suite.data", PUSH.id)
    assert (check.subject, check.lane, check.outcome) == (PROJECT, Lane.INTEGRATION, Outcome.PASSED)
    assert abs(check.recorded_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_of_a_suite_there_is_one_verdict_at_most(tmp_path: Path) -> None:
    keep(tmp_path, said(id="a"))
    keep(tmp_path, said(id="b", outcome=Outcome.FAILED))
    assert [check.outcome for check in checks_of(tmp_path, PUSH)] == [Outcome.FAILED]


def test_a_tier_has_a_verdict_of_its_own(tmp_path: Path) -> None:
    keep(tmp_path, said(id="a", check="suite.data.proof", outcome=Outcome.FAILED))
    keep(tmp_path, said(id="b"))
    outcomes = {check.check: check.outcome for check in checks_of(tmp_path, PUSH)}
    assert outcomes == {"suite.data": Outcome.PASSED, "suite.data.proof": Outcome.FAILED}


@pytest.mark.parametrize(
    "change",
    [
        {"check": "flights.2013-03"},
        {"commit": "d" * 40},
        {"check": "suite.model"},
        {"check": "suite.model.proof"},
        {"check": "suite.data.other"},
    ],
    ids=str,
)
def test_what_the_run_did_not_check_is_left_out(tmp_path: Path, change: dict[str, str]) -> None:
    keep(tmp_path, said(**change))
    assert checks_of(tmp_path, PUSH) == ()


def large(path: Path) -> None:
    path.write_text(said().model_dump_json() + " " * BYTES_MAX)


STRANGE: dict[str, Callable[[Path], Any]] = {
    "a pipe that nobody writes to": os.mkfifo,
    "a folder": Path.mkdir,
    "a link to nothing": lambda path: path.symlink_to(path.with_name("nothing")),
    "a large file": large,
    "no JSON": lambda path: path.write_bytes(b"\xff"),
    "no verdict": lambda path: path.write_text("{}"),
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("make", STRANGE)
def test_what_is_no_verdict_is_left_out_and_takes_no_time(tmp_path: Path, make: str) -> None:
    keep(tmp_path, said())
    STRANGE[make](tmp_path / "strange.json")
    assert [check.check for check in checks_of(tmp_path, PUSH)] == ["suite.data"]
