"""What the ledger learns of a run."""

import json
from pathlib import Path

import pytest

from infra.contracts.clock import SystemClock
from infra.contracts.events import EVENT, AnyEvent, CheckRun, Outcome, TrainingRun
from infra.contracts.pipelines import Check
from infra.contracts.workload import Pipeline
from infra.operations.pipelines.artifacts import StorageError
from infra.operations.pipelines.evidence import Evidence
from infra.operations.pipelines.report import Silent, StepStatus
from infra.operations.pipelines.run import run_pipeline
from infra.operations.pipelines.subprocess_jobs import SubprocessJobs
from infra.operations.pipelines.told import NO_LONGER_MADE
from tests.support.toy_pipeline import LINEAGE, chain, mapping, pipeline, step
from tests.support.toy_run import Recorder, Toy, statuses

GOOD = Check(name="flights.rows", suite="data", is_passed=True, summary="27,004 rows", value=27004, limit=20000)
BAD = Check(name="flights.nulls", suite="data", is_passed=False, summary="3 % are null, 1 % may be", value=0.03)


def writes(*checks: Check, output: str = "a", then: str = "") -> str:
    text = json.dumps([check.model_dump() for check in checks])
    return f"(folder('OUTPUT', {output!r}) / 'checks.json').write_text({text!r})\n{then}"


def checks(ledger: Recorder) -> list[CheckRun]:
    return [event for event in ledger.events if isinstance(event, CheckRun)]


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


def one(toy: Toy, code: str, retries: int = 0) -> Pipeline:
    return pipeline(
        step("before", outputs=("b",)),
        step("check", needs=("before",), inputs=("b",), outputs=("a",), code=code, retries=retries),
        journal=toy.journal,
    )


def test_each_check_is_told_with_its_numbers_and_what_it_covers(toy: Toy) -> None:
    ledger = Recorder()
    run = toy.run(one(toy, writes(GOOD, BAD)), ledger=ledger)
    good, bad = checks(ledger)
    assert (good.check, good.suite, good.outcome, good.value, good.limit) == (
        "flights.rows", "data", Outcome.PASSED, 27004, 20000)  # fmt: skip
    assert (bad.check, bad.outcome, bad.summary, bad.limit) == (
        "flights.nulls", Outcome.FAILED, "3 % are null, 1 % may be", None)  # fmt: skip
    assert (good.subject, good.run_id, good.commit) == ("toy", run.run_id, "c0ffee")
    assert good.environment_digest == "lock-1"
    assert good.inputs_digest
    assert good.inputs_digest == bad.inputs_digest


def test_a_failed_attempt_has_checked_too_and_only_the_last_counts(toy: Toy) -> None:
    first = writes(BAD, then="if open(os.environ['JOURNAL']).read().count('check') == 1: sys.exit(1)\n")
    ledger = Recorder()
    assert toy.run(one(toy, first + writes(GOOD), retries=1), ledger=ledger).is_success
    assert [event.check for event in checks(ledger)] == ["flights.rows"]
    ledger = Recorder()
    failed = toy.run(one(toy, writes(GOOD, BAD, then="sys.exit(1)")), ledger=ledger)
    assert statuses(failed) == [StepStatus.CACHED, StepStatus.FAILED]
    assert [event.check for event in checks(ledger)] == ["flights.rows", "flights.nulls"]


def test_telling_a_check_twice_is_telling_it_once(toy: Toy) -> None:
    """A delivery that was not acknowledged is made again: the id must not depend on when."""
    ledger = Recorder()
    run = toy.run(one(toy, writes(GOOD, BAD)), ledger=ledger)
    ids = [event.id for event in ledger.events]
    assert len(set(ids)) == len(ids)
    again = Recorder()
    evidence = Evidence(run_id=run.run_id, pipeline="toy", lineage=LINEAGE, clock=SystemClock(), ledger=again)
    evidence.started()
    for ended in run.steps:
        evidence.step_ended(ended)
    evidence.ended(run)
    assert [event.id for event in again.events] == ids
    assert all(Path(id_).name == id_ for id_ in ids), "an event's id names its file in the outbox"


def test_a_cached_step_tells_its_checks_no_more(toy: Toy) -> None:
    toy.run(one(toy, writes(GOOD)), ledger=Recorder())
    ledger = Recorder()
    assert toy.run(one(toy, writes(GOOD)), ledger=ledger).is_unchanged
    assert checks(ledger) == []


@pytest.mark.parametrize("bad", [writes(BAD), writes(BAD, then="sys.exit(1)")], ids=["passed", "failed"])
def test_a_cached_verdict_is_told_again_when_another_was_told_since(toy: Toy, bad: str) -> None:
    """Who takes back what was bad must see the verdict change back, though nothing runs."""
    toy.run(one(toy, writes(GOOD)), ledger=Recorder())
    toy.run(one(toy, bad), ledger=Recorder())
    ledger = Recorder()
    assert toy.run(one(toy, writes(GOOD)), ledger=ledger).is_unchanged
    told = [(event.check, event.outcome) for event in checks(ledger)]
    assert told == [("flights.rows", Outcome.PASSED), ("flights.nulls", Outcome.PASSED)]
    ledger = Recorder()
    toy.run(one(toy, writes(GOOD)), ledger=ledger)
    assert checks(ledger) == []


def test_a_verdict_that_a_kill_kept_from_the_ledger_is_told_by_the_next_run(toy: Toy) -> None:
    class KilledError(BaseException):
        """Nothing catches it, as nothing catches SIGKILL."""

    class Killed(Recorder):
        def keep(self, event: AnyEvent) -> None:
            if isinstance(event, CheckRun):
                raise KilledError

    with pytest.raises(KilledError):
        toy.run(one(toy, writes(GOOD)), ledger=Killed())
    ledger = Recorder()
    assert toy.run(one(toy, writes(GOOD)), ledger=ledger).is_unchanged
    assert [event.check for event in checks(ledger)] == ["flights.rows"]


def test_verdicts_of_partitions_are_told_again_too(toy: Toy) -> None:
    (toy.folder / "words").write_text("x y")
    code = (
        "import json; (folder('OUTPUT', 'made') / 'checks.json').write_text(json.dumps([{'name': partition, 'suite': "
        "'data', 'is_passed': %s, 'summary': 'seen'}]))"
    )
    toy.run(mapping(toy.journal, each=code % "True"), ledger=Recorder())
    toy.run(mapping(toy.journal, each=code % "partition == 'y'"), ledger=Recorder())
    ledger = Recorder()
    assert toy.run(mapping(toy.journal, each=code % "True"), ledger=ledger).is_unchanged
    told = [(event.check, event.outcome) for event in checks(ledger)]
    assert told == [("x", Outcome.PASSED)], "of y nothing else was told in between"


def verdicts(ledger: Recorder) -> list[tuple[str, Outcome, str]]:
    return [(event.check, event.outcome, event.summary) for event in checks(ledger)]


def test_what_is_checked_no_more_is_told_as_passed_once(toy: Toy) -> None:
    """Or its last verdict would stand for ever, and the alert with it. A failed attempt did not get to its checks."""
    toy.run(one(toy, writes(GOOD, BAD)), ledger=Recorder())
    ledger = Recorder()
    toy.run(one(toy, "sys.exit(1)"), ledger=ledger)
    assert verdicts(ledger) == []
    ledger = Recorder()
    toy.run(one(toy, writes(GOOD)), ledger=ledger)
    (good, gone) = checks(ledger)
    assert (good.check, good.summary) == (GOOD.name, GOOD.summary)
    assert (gone.check, gone.suite, gone.outcome, gone.summary) == (BAD.name, "data", Outcome.PASSED, NO_LONGER_MADE)
    assert (gone.value, gone.limit) == (None, None)
    again = Recorder()
    toy.run(one(toy, writes(GOOD)), ledger=again)
    assert verdicts(again) == []
    back = Recorder()
    assert toy.run(one(toy, writes(GOOD, BAD)), ledger=back).is_success
    assert [outcome for _, outcome, _ in verdicts(back)] == [Outcome.PASSED, Outcome.FAILED]


def test_a_check_that_goes_over_to_another_suite_is_gone_from_the_first(toy: Toy) -> None:
    toy.run(one(toy, writes(BAD)), ledger=Recorder())
    ledger = Recorder()
    toy.run(one(toy, writes(BAD.model_copy(update={"suite": "model"}))), ledger=ledger)
    told = {event.suite: event.outcome for event in checks(ledger)}
    assert told == {"model": Outcome.FAILED, "data": Outcome.PASSED}
    assert len({event.id for event in checks(ledger)}) == 2


def test_what_is_checked_no_more_survives_a_kill_and_a_run_without_a_ledger(toy: Toy) -> None:
    class KilledError(BaseException):
        """Nothing catches it, as nothing catches SIGKILL."""

    class Killed(Recorder):
        def keep(self, event: AnyEvent) -> None:
            if isinstance(event, CheckRun) and event.check == BAD.name:
                raise KilledError

    toy.run(one(toy, writes(GOOD, BAD)), ledger=Recorder())
    with pytest.raises(KilledError):
        toy.run(one(toy, writes(GOOD)), ledger=Killed())
    toy.run(one(toy, writes(GOOD)))
    ledger = Recorder()
    assert toy.run(one(toy, writes(GOOD)), ledger=ledger).is_unchanged
    assert [check for check, _, _ in verdicts(ledger)] == [GOOD.name, BAD.name]


def test_a_partition_that_left_takes_its_checks_along_and_brings_them_back(toy: Toy) -> None:
    code = (
        "import json; (folder('OUTPUT', 'made') / 'checks.json').write_text(json.dumps([{'name': name, 'suite': "
        "'data', 'is_passed': name != 'y', 'summary': 'seen'} for name in (partition, 'all')]))"
    )
    spec = mapping(toy.journal, each=code)

    def told(words: str) -> list[tuple[str, Outcome, str]]:
        (toy.folder / "words").write_text(words)
        ledger = Recorder()
        toy.run(spec, ledger=ledger)
        return verdicts(ledger)

    assert [check for check, _, _ in told("x y")] == ["x", "all", "y", "all"]
    assert told("x") == [("y", Outcome.PASSED, NO_LONGER_MADE)], "`all` is still made by another"
    assert told("x") == []
    assert told("x y") == [("y", Outcome.FAILED, "seen"), ("all", Outcome.PASSED, "seen")]


def test_partitions_check_for_themselves(toy: Toy) -> None:
    (toy.folder / "words").write_text("x y")
    code = (
        "import json; (folder('OUTPUT', 'made') / 'checks.json').write_text(json.dumps([{'name': 'rows', 'suite': "
        "'data', 'is_passed': partition == 'x', 'summary': partition}]))\npartition == 'x' or sys.exit(1)"
    )
    ledger = Recorder()
    toy.run(mapping(toy.journal, each=code), ledger=ledger)
    assert [(event.summary, event.outcome) for event in checks(ledger)] == [
        ("x", Outcome.PASSED),
        ("y", Outcome.FAILED),
    ]
    assert len({event.id for event in checks(ledger)}) == 2


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("(folder('OUTPUT', 'a') / 'checks.json').write_text('[{}]')", "is no list of checks: at 0 at name Field req"),
        ("(folder('OUTPUT', 'a') / 'checks.json').write_text('[')", "the checks.json of its output a is no list"),
        (writes(GOOD, GOOD), "its checks repeat: flights.rows"),
    ],
)
def test_checks_that_cannot_be_read_fail_their_step(toy: Toy, code: str, reason: str) -> None:
    run = toy.run(one(toy, code))
    assert reason in run.summary
    assert toy.run(one(toy, code + "\nsys.exit(9)")).summary.startswith("check: failed: exit code 9;")


def training(events: list[AnyEvent]) -> list[tuple[Outcome, str]]:
    return [(event.outcome, event.id) for event in events if isinstance(event, TrainingRun)]


def test_a_run_is_told_when_it_starts_and_when_it_ends(toy: Toy) -> None:
    ledger = Recorder()
    run = toy.run(chain(toy.journal), ledger=ledger)
    assert training(ledger.events) == [(Outcome.STARTED, f"{run.run_id}-started"), (Outcome.PASSED, run.run_id)]
    assert isinstance(ledger.events[0], TrainingRun)
    assert all(EVENT.validate_json(EVENT.dump_json(event)) == event for event in ledger.events)


def test_an_interrupted_run_is_told_as_given_up(toy: Toy) -> None:
    class Interrupted(Silent):
        def step_started(self, step: str) -> None:
            if step == "second":
                raise KeyboardInterrupt

    ledger = Recorder()
    with pytest.raises(KeyboardInterrupt):
        toy.run(chain(toy.journal), ledger=ledger, progress=Interrupted())
    assert [outcome for outcome, _ in training(ledger.events)] == [Outcome.STARTED, Outcome.FAILED]
    assert ledger.events[-1].summary == "toy was given up: KeyboardInterrupt; what finished is kept"


def test_what_the_disk_refuses_the_run_is_one_line(toy: Toy) -> None:
    class Full(Recorder):
        def record(self, event: AnyEvent) -> bool:
            raise OSError(28, "No space left on device", "outbox/x.json")

    with pytest.raises(StorageError) as caught:
        run_pipeline(
            chain(toy.journal),
            jobs=SubprocessJobs(folder=toy.folder, logs=toy.folder / "logs"),
            storage_uri=toy.storage_uri,
            lineage=LINEAGE,
            clock=SystemClock(),
            ledger=Full(),
        )
    assert "\n" not in str(caught.value)
    assert "pipeline toy was given up: [Errno 28] No space left on device: 'outbox/x.json'; mend that" in str(
        caught.value
    )
