"""The record of a run: written when it passed, found again."""

from pathlib import Path

from infra.contracts.clock import SystemClock
from infra.operations.pipelines.records import run_records
from infra.operations.pipelines.report import PipelineRun
from infra.operations.pipelines.run import run_pipeline
from infra.operations.pipelines.subprocess_jobs import SubprocessJobs
from tests.support.toy_pipeline import LINEAGE, chain


def run(folder: Path, **code: str) -> PipelineRun:
    return run_pipeline(
        chain(folder / "journal", **code),
        jobs=SubprocessJobs(folder=folder, logs=folder / "logs"),
        storage_uri=folder.as_uri(),
        lineage=LINEAGE,
        clock=SystemClock(),
    )


def test_a_run_that_passed_is_recorded_with_all_that_makes_it_again(tmp_path: Path) -> None:
    made = run(tmp_path)
    (record,) = run_records(tmp_path.as_uri(), "toy")
    assert record.run_id == made.run_id
    assert record.pipeline == chain(tmp_path / "journal")
    assert record.lineage == LINEAGE
    assert record.outputs == {step.step: step.outputs for step in made.steps}
    assert (record.started_at, record.finished_at) == (made.started_at, made.finished_at)


def test_runs_are_listed_the_newest_first_and_those_that_failed_are_not(tmp_path: Path) -> None:
    first, again = run(tmp_path), run(tmp_path)
    assert not run(tmp_path, third="sys.exit(1)").is_success
    assert [record.run_id for record in run_records(tmp_path.as_uri(), "toy")] == [again.run_id, first.run_id]


def test_a_record_of_another_version_is_left_out(tmp_path: Path) -> None:
    made = run(tmp_path)
    (tmp_path / "pipelines" / "toy" / "runs" / "of-old.json").write_text('{"run_id": "of-old"}')
    assert [record.run_id for record in run_records(tmp_path.as_uri(), "toy")] == [made.run_id]
