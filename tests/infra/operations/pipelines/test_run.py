"""The executor: what runs, what does not, and what is left behind."""

import dataclasses
import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.contracts.bundle import BundleError
from infra.contracts.clock import SystemClock
from infra.contracts.events import Outcome, PipelineStepRun, TrainingRun
from infra.contracts.graph import GraphError
from infra.contracts.jobs import JobResult
from infra.contracts.workload import Job, Pipeline
from infra.operations.pipelines.artifacts import ArtifactStore, StorageError
from infra.operations.pipelines.lineage import Lineage
from infra.operations.pipelines.lock import PipelineBusyError, sole_run
from infra.operations.pipelines.records import latest_run
from infra.operations.pipelines.report import PipelineRun, StepStatus
from infra.operations.pipelines.run import run_pipeline
from infra.operations.pipelines.subprocess_jobs import SubprocessJobs
from tests.support.toy_pipeline import LINEAGE, chain, pipeline, step
from tests.support.toy_run import Recorder, Toy

PASSED, CACHED, FAILED, BLOCKED = StepStatus.PASSED, StepStatus.CACHED, StepStatus.FAILED, StepStatus.BLOCKED
WRITES_RESULT = "(folder('OUTPUT', 'result') / 'result.json').write_text('%s')"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    (tmp_path / "journal").touch()
    return tmp_path / "journal"


def run(spec: Pipeline, journal: Path, lineage: Lineage = LINEAGE, ledger: Recorder | None = None) -> PipelineRun:
    folder = journal.parent
    return run_pipeline(
        spec,
        jobs=SubprocessJobs(folder=folder, logs=folder / "logs"),
        storage_uri=(folder / "storage").as_uri(),
        lineage=lineage,
        clock=SystemClock(),
        ledger=ledger,
        retry_wait_seconds=0.01,
    )


def statuses(result: PipelineRun) -> list[StepStatus]:
    return [step.status for step in result.steps]


def content(result: PipelineRun, journal: Path, artifact: str) -> str:
    digest = next(step.outputs[artifact] for step in result.steps if artifact in step.outputs)
    store = ArtifactStore((journal.parent / "storage").as_uri(), result.pipeline)
    return (store.path_of(digest) / "text").read_text()


def test_steps_run_in_order_and_hand_on_what_they_made(journal: Path) -> None:
    result = run(chain(journal), journal)
    assert statuses(result) == [PASSED, PASSED, PASSED]
    assert content(result, journal, "c") == "first\nsecond\nthird\n"
    assert journal.read_text().split() == ["first", "second", "third"]


def test_an_unchanged_run_runs_nothing(journal: Path) -> None:
    run(chain(journal), journal)
    again = run(chain(journal), journal)
    assert again.is_unchanged
    assert journal.read_text().split() == ["first", "second", "third"]


@pytest.mark.parametrize("change", [{"code_digest": "code-2"}, {"lock_digest": "lock-2"}])
def test_changed_code_or_environment_runs_everything_again(journal: Path, change: dict[str, str]) -> None:
    run(chain(journal), journal)
    assert statuses(run(chain(journal), journal, dataclasses.replace(LINEAGE, **change))) == [PASSED] * 3


def test_a_new_commit_of_the_same_code_runs_nothing(journal: Path) -> None:
    run(chain(journal), journal)
    assert run(chain(journal), journal, dataclasses.replace(LINEAGE, commit="decade")).is_unchanged


def test_a_changed_parameter_runs_again(journal: Path) -> None:
    run(chain(journal), journal)
    spec = chain(journal)
    changed = spec.model_copy(update={"parameters": {**spec.parameters, "SEED": "2"}})
    assert statuses(run(changed, journal)) == [PASSED] * 3


def test_a_step_that_makes_the_same_again_spares_what_follows(journal: Path) -> None:
    run(chain(journal), journal)
    assert statuses(run(chain(journal, first="pass"), journal)) == [PASSED, CACHED, CACHED]


def test_a_step_that_makes_something_else_runs_what_reads_it(journal: Path) -> None:
    run(chain(journal), journal)
    changed = run(chain(journal, first="text = 'more '"), journal)
    assert statuses(changed) == [PASSED, PASSED, PASSED]
    assert content(changed, journal, "c") == "more first\nsecond\nthird\n"


def test_tries_owner_and_limits_change_no_key(journal: Path) -> None:
    run(chain(journal), journal)
    spec = chain(journal)
    changes = {"owner": "others", "retries": 3, "timeout_seconds": 7}
    steps = tuple(each.model_copy(update=changes) for each in spec.steps)
    assert run(spec.model_copy(update={"steps": steps}), journal).is_unchanged


def test_a_failure_blocks_what_needs_it_and_nothing_else(journal: Path) -> None:
    spec = pipeline(
        step("bad", outputs=("a",), code="sys.exit(3)"),
        step("after", needs=("bad",), inputs=("a",)),
        step("later", needs=("after",)),
        step("beside", outputs=("d",)),
        journal=journal,
    )
    result = run(spec, journal)
    by_name = {each.step: each.status for each in result.steps}
    assert by_name == {"bad": FAILED, "after": BLOCKED, "later": BLOCKED, "beside": PASSED}
    assert not result.is_success
    assert "bad: failed: exit code 3; see" in result.summary
    assert sorted(journal.read_text().split()) == ["bad", "beside"]


def test_the_next_run_starts_at_the_failed_step(journal: Path) -> None:
    gate = journal.parent / "open"
    code = f"pathlib.Path({str(gate)!r}).exists() or sys.exit(1)"
    assert statuses(run(chain(journal, second=code), journal)) == [PASSED, FAILED, BLOCKED]
    gate.touch()
    assert statuses(run(chain(journal, second=code), journal)) == [CACHED, PASSED, PASSED]


def test_each_attempt_has_its_own_log_and_duration(journal: Path) -> None:
    code = f"n = pathlib.Path({str(journal)!r}).read_text().count('flaky'); print('try', n); n == 3 or sys.exit(1)"
    result = run(pipeline(step("flaky", code=code, retries=4), journal=journal), journal)
    attempts = result.steps[0].attempts
    assert [attempt.is_success for attempt in attempts] == [False, False, True]
    logs = [attempt.log.read_text() for attempt in attempts if attempt.log]
    assert logs == ["try 1\n", "try 2\n", "try 3\n"]
    assert all(attempt.duration_seconds > 0 for attempt in attempts)


def test_retries_end(journal: Path) -> None:
    result = run(pipeline(step("bad", code="sys.exit(1)", retries=2), journal=journal), journal)
    assert [len(result.steps[0].attempts), journal.read_text().count("bad")] == [3, 3]


def test_a_step_is_killed_at_its_timeout(journal: Path) -> None:
    slow = step("slow", code="import time; time.sleep(60)", timeout_seconds=1)
    started = time.monotonic()
    result = run(pipeline(slow, journal=journal), journal)
    assert "timeout of 1 s" in result.summary
    assert time.monotonic() - started < 10


def test_a_promised_output_must_be_written(journal: Path) -> None:
    result = run(pipeline(step("lazy", outputs=("a",), code="sys.exit(0)"), journal=journal), journal)
    assert "wrote nothing to its output a" in result.summary


def test_what_a_failed_attempt_wrote_is_never_seen(journal: Path) -> None:
    half = "(folder('OUTPUT', 'a') / 'half').write_text('x'); sys.exit(1)"
    run(pipeline(step("half", outputs=("a",), code=half), journal=journal), journal)
    assert not list((journal.parent / "storage").rglob("half"))


@pytest.mark.parametrize("harm", ["alter", "cut", "remove"])
def test_a_harmed_artifact_is_made_again(journal: Path, harm: str) -> None:
    first = run(chain(journal), journal)
    store = ArtifactStore((journal.parent / "storage").as_uri(), "toy")
    text = store.path_of(first.steps[1].outputs["b"]) / "text"
    text.chmod(0o600)
    match harm:
        case "alter":
            text.write_text("other")
        case "cut":
            text.write_text("")
        case "remove":
            text.unlink()
    again = run(chain(journal), journal)
    assert statuses(again) == [CACHED, PASSED, CACHED]
    assert content(again, journal, "b") == "first\nsecond\n"


def test_independent_steps_run_side_by_side(journal: Path) -> None:
    meet = (
        "import time; t = time.time()\nwhile not {'left', 'right'} <= set(open(os.environ['JOURNAL']).read().split()):"
    )
    meet += "\n    time.sleep(0.01)\n    time.time() - t < 20 or sys.exit(1)"
    result = run(pipeline(step("left", code=meet), step("right", code=meet), journal=journal), journal)
    assert statuses(result) == [PASSED, PASSED]


def test_no_more_steps_run_at_once_than_may(tmp_path: Path) -> None:
    alone = "import time; here = pathlib.Path('here'); here.mkdir(); time.sleep(0.05); here.rmdir()"
    spec = pipeline(*(step(name, code=alone) for name in ("left", "right", "middle")), journal=tmp_path / "journal")
    assert statuses(Toy(tmp_path).run(spec, parallel_steps=1)) == [PASSED] * 3


def test_a_second_run_of_the_same_pipeline_is_refused_by_name(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.operations.pipelines.lock.GRACE_SECONDS", 0.05)
    home = ArtifactStore((journal.parent / "storage").as_uri(), "toy").home
    errors: list[str] = []

    def attempt() -> None:
        try:
            run(chain(journal), journal)
        except PipelineBusyError as error:
            errors.append(str(error))

    with sole_run(home, "toy", "run-1", SystemClock().now()):
        thread = threading.Thread(target=attempt)
        started = time.monotonic()
        thread.start()
        thread.join()
    assert time.monotonic() - started < 3, "refused, not queued"
    assert len(errors) == 1
    assert "pipeline toy is being run by process" in errors[0]
    assert "(run run-1, since" in errors[0]
    assert run(chain(journal), journal).is_success


def test_the_ledger_learns_of_each_step_and_of_the_whole(journal: Path) -> None:
    result_json = json.dumps(
        {"model": "m", "version": "7", "digest": "sha256:" + "0" * 64, "rows": 12, "metrics": {"auc": 0.5}}
    )
    spec = pipeline(
        step("first", outputs=("a",)),
        step("last", needs=("first",), outputs=("result",), code=WRITES_RESULT % result_json),
        journal=journal,
    )
    ledger = Recorder()
    result = run(spec, journal, ledger=ledger)
    began, *steps, whole = ledger.events
    assert isinstance(began, TrainingRun)
    assert (began.outcome, began.run_id) == (Outcome.STARTED, result.run_id)
    assert [event.step for event in steps if isinstance(event, PipelineStepRun)] == ["first", "last"]
    assert all(event.outcome is Outcome.PASSED and event.duration_seconds for event in steps)
    assert isinstance(whole, TrainingRun)
    assert (whole.model, whole.model_version, whole.rows, whole.metrics) == ("m", "7", 12, {"auc": 0.5})
    assert (whole.commit, whole.artifact_digest, whole.subject) == ("c0ffee", "sha256:" + "0" * 64, "toy")
    latest = latest_run((journal.parent / "storage").as_uri(), "toy")
    assert latest is not None
    assert (latest.run_id, latest.result) == (result.run_id, result.result)


def test_an_unchanged_run_says_so_in_the_ledger(journal: Path) -> None:
    run(chain(journal), journal)
    ledger = Recorder()
    run(chain(journal), journal, ledger=ledger)
    assert [event.is_cached for event in ledger.events if isinstance(event, PipelineStepRun)] == [True] * 3
    assert ledger.events[-1].summary == "nothing changed"


def test_a_failed_run_is_recorded_and_leaves_the_latest_alone(journal: Path) -> None:
    first = run(chain(journal), journal)
    ledger = Recorder()
    run(chain(journal, third="sys.exit(9)"), journal, ledger=ledger)
    assert [event.outcome for event in ledger.events] == [
        Outcome.STARTED,
        Outcome.PASSED,
        Outcome.PASSED,
        Outcome.FAILED,
        Outcome.FAILED,
    ]
    latest = latest_run((journal.parent / "storage").as_uri(), "toy")
    assert latest is not None
    assert latest.run_id == first.run_id


def test_a_result_that_is_none_fails_its_step(journal: Path) -> None:
    bad = step("last", outputs=("result",), code=WRITES_RESULT % '{"rows": -1}')
    result = run(pipeline(bad, journal=journal), journal)
    assert "its result.json is not a result" in result.summary


def test_no_run_has_been_yet(tmp_path: Path) -> None:
    assert latest_run(tmp_path.as_uri(), "toy") is None


def test_storage_that_cannot_be_used_is_named(journal: Path) -> None:
    with pytest.raises(StorageError, match="file:///"):
        run_pipeline(
            chain(journal),
            jobs=SubprocessJobs(folder=journal.parent, logs=journal.parent),
            storage_uri="s3://bucket",
            lineage=LINEAGE,
            clock=SystemClock(),
        )


def test_steps_that_do_not_fit_together_are_all_named(journal: Path) -> None:
    spec = pipeline(
        step("one", outputs=("a",)),
        step("two", outputs=("a",)),
        step("three", inputs=("a", "z")),
        journal=journal,
    )
    with pytest.raises(GraphError) as caught:
        run(spec, journal)
    assert "a is an output of one and of two" in str(caught.value)
    assert "three reads a; add one" in str(caught.value)
    assert "three reads z, which no step makes" in str(caught.value)


class RefusingJobs:
    """Of a substrate that cannot start anything."""

    def run(self, job: Job, environment: Mapping[str, str], stop: threading.Event | None = None) -> JobResult:
        raise BundleError(f"no bundle for {job.name}")


def test_a_step_that_cannot_be_started_has_failed_and_is_told_to_the_ledger(journal: Path) -> None:
    ledger = Recorder()
    result = run_pipeline(
        chain(journal),
        jobs=RefusingJobs(),
        storage_uri=(journal.parent / "storage").as_uri(),
        lineage=LINEAGE,
        clock=SystemClock(),
        ledger=ledger,
    )
    assert statuses(result) == [FAILED, BLOCKED, BLOCKED]
    assert result.summary == "first: failed: no bundle for toy-first"
    assert [event.outcome for event in ledger.events] == [Outcome.STARTED, Outcome.FAILED, Outcome.FAILED]


def test_the_last_run_as_another_version_told_it_counts_as_none(journal: Path) -> None:
    run(chain(journal), journal)
    storage = (journal.parent / "storage").as_uri()
    for path in ArtifactStore(storage, "toy").runs.iterdir():
        path.write_text('{"from": "the future"}')
    assert latest_run(storage, "toy") is None
