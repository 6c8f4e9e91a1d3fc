"""Steps that run once for each partition, and steps that look outside."""

import dataclasses
import time
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from infra.contracts.artifacts import digest_of_folder
from infra.contracts.workload import Name, Pipeline
from infra.operations.pipelines.records import run_records
from infra.operations.pipelines.report import Silent, StepRun, StepStatus
from infra.operations.pipelines.work import NAME_LENGTH, job_name
from tests.support.toy_pipeline import LINEAGE, mapping, pipeline, step
from tests.support.toy_run import Toy, statuses

PASSED, CACHED, FAILED, BLOCKED = StepStatus.PASSED, StepStatus.CACHED, StepStatus.FAILED, StepStatus.BLOCKED
MONTHS = ("2013-01", "2013-02", "2013-03")


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    (tmp_path / "words").write_text(" ".join(MONTHS))
    return Toy(tmp_path)


def spec(toy: Toy, each: str = "", **more: int) -> Pipeline:
    return mapping(toy.journal, each=each, **more)


def test_a_step_maps_over_partitions_and_its_outputs_are_one_artifact(toy: Toy) -> None:
    run = toy.run(spec(toy))
    assert statuses(run) == [PASSED] * 3, run.summary
    assert sorted(toy.ran()) == ["each[2013-01]", "each[2013-02]", "each[2013-03]", "split", "whole"]
    made = toy.artifact(run, "made")
    assert {path.relative_to(made).as_posix(): path.read_text() for path in made.rglob("text")} == {
        f"{month}/text": f"{month}\neach\n" for month in MONTHS
    }
    assert (toy.artifact(run, "w") / "text").read_text() == "2013-01 2013-02 2013-03\nwhole\n"
    assert "(3 of 3 partitions" in run.steps[1].summary


def test_a_partition_sees_its_own_folder_name_and_digest_and_the_other_inputs_whole(toy: Toy) -> None:
    see = (
        "seen = (folder('OUTPUT', 'made') / 'seen')\n"
        "seen.write_text('|'.join([partition, folder('INPUT', 'parts').name, os.environ['HIGHWAY_INPUT_PARTS_DIGEST'],"
        "(folder('INPUT', 'all') / 'text').read_text()]))"
    )
    split, each, _ = spec(toy, see).steps
    both = each.model_copy(update={"inputs": ("parts", "all"), "needs": ("split", "beside")})
    run = toy.run(pipeline(split, step("beside", outputs=("all",)), both, journal=toy.journal))
    assert run.is_success, run.summary
    part = toy.artifact(run, "parts") / "2013-02"
    seen = (toy.artifact(run, "made") / "2013-02" / "seen").read_text()
    assert seen == f"2013-02|2013-02|{digest_of_folder(part)}|beside\n"


def test_a_new_partition_runs_alone(toy: Toy) -> None:
    toy.run(spec(toy))
    toy.ran()
    (toy.folder / "words").write_text(" ".join([*MONTHS, "2013-04"]))
    run = toy.run(spec(toy))
    assert toy.ran() == ["split", "each[2013-04]", "whole"]
    assert "(1 of 4 partitions" in run.steps[1].summary
    assert (toy.artifact(run, "w") / "text").read_text().startswith("2013-01 2013-02 2013-03 2013-04")


def test_a_partition_that_is_gone_is_gone_from_what_was_made(toy: Toy) -> None:
    toy.run(spec(toy))
    toy.ran()
    (toy.folder / "words").write_text("2013-01")
    run = toy.run(spec(toy))
    assert toy.ran() == ["split", "whole"]
    assert (toy.artifact(run, "w") / "text").read_text() == "2013-01\nwhole\n"


def test_the_same_content_under_another_name_is_another_partition(toy: Toy) -> None:
    same = spec(toy, "(folder('OUTPUT', 'made') / 'same').write_text('x')").steps
    text = "(folder('OUTPUT', 'parts') / 'a').mkdir(); (folder('OUTPUT', 'parts') / 'b').mkdir()"
    split = step("split", outputs=("parts",), code=text)
    each = same[1].model_copy(update={"command": (*same[1].command[:4], "", *same[1].command[5:])})
    run = toy.run(pipeline(split, each, journal=toy.journal), parallel_steps=1)
    assert run.is_success, run.summary
    assert toy.ran() == ["split", "each[a]", "each[b]"]


def test_a_failed_partition_is_named_and_the_others_stay_done(toy: Toy) -> None:
    gate = toy.folder / "open"
    code = f"partition == '2013-02' and not pathlib.Path({str(gate)!r}).exists() and sys.exit(3)"
    run = toy.run(spec(toy, code))
    assert statuses(run) == [PASSED, FAILED, BLOCKED]
    assert run.summary.startswith("each: failed: 1 of 3 partitions: 2013-02 (exit code 3); see ")
    assert "2013-02" in run.summary.rpartition("/")[2], "the log is that of the partition"
    toy.ran()
    gate.touch()
    assert statuses(toy.run(spec(toy, code))) == [CACHED, PASSED, PASSED]
    assert toy.ran() == ["split", "each[2013-02]", "whole"]


@pytest.mark.proof  # a time-out has a second at least
def test_each_partition_has_its_own_attempts_and_time(toy: Toy) -> None:
    code = (
        "tries = pathlib.Path(os.environ['JOURNAL']).read_text().count(f'each[{partition}]')\n"
        "if partition == '2013-01' and tries < 3: sys.exit(1)\n"
        "if partition == '2013-03' and tries < 2: import time; time.sleep(60)"
    )
    run = toy.run(spec(toy, code, retries=2, timeout_seconds=1))
    assert run.is_success, run.summary
    tries = {name: [each.is_success for each in part.attempts] for name, part in run.steps[1].partitions.items()}
    assert tries == {"2013-01": [False, False, True], "2013-02": [True], "2013-03": [False, True]}
    assert "timeout" in run.steps[1].partitions["2013-03"].attempts[0].reason


@pytest.mark.parametrize(("parallel_steps", "together"), [(1, 1), (3, 3)])
def test_partitions_run_side_by_side_as_far_as_they_may(toy: Toy, parallel_steps: int, together: int) -> None:
    meet = (
        "import time; here = pathlib.Path(os.environ['JOURNAL']).parent / 'here'; here.mkdir(exist_ok=True)\n"
        "(here / partition).touch(); end = time.time() + 10\n"
        f"while len(list(here.iterdir())) < {together} and time.time() < end: time.sleep(0.01)\n"
        "met = len(list(here.iterdir())); time.sleep(0.05); (here / partition).unlink()\n"
        "(folder('OUTPUT', 'made') / 'met').write_text(str(met))"
    )
    run = toy.run(spec(toy, meet), parallel_steps=parallel_steps)
    made = toy.artifact(run, "made")
    assert max(int(path.read_text()) for path in made.rglob("met")) == together


def test_an_input_without_partitions_is_refused(toy: Toy) -> None:
    (toy.folder / "words").write_text("")
    run = toy.run(spec(toy))
    assert "each: failed: its input parts has no partitions to map over; whoever makes it has to" in run.summary


def test_partitions_share_the_bytes_of_the_whole(toy: Toy) -> None:
    run = toy.run(spec(toy))
    assert (toy.artifact(run, "made") / "2013-01" / "text").stat().st_nlink == 2


def test_partitions_are_told_while_they_end(toy: Toy) -> None:
    told: list[tuple[str, str, int]] = []

    class Told(Silent):
        def partition_ended(self, step: str, run: StepRun, *, ended: int, of: int) -> None:
            told.append((step, run.step, of))

    toy.run(spec(toy), progress=Told())
    assert sorted(told) == [("each", f"each[{month}]", 3) for month in MONTHS]


def test_the_record_knows_the_partitions_also_of_a_run_that_had_them(toy: Toy) -> None:
    first, again = toy.run(spec(toy)), toy.run(spec(toy))
    assert statuses(again) == [CACHED] * 3
    records = {record.run_id: record.partitions for record in run_records(toy.storage_uri, "toy")}
    assert set(records[first.run_id]["each"]) == set(MONTHS)
    assert records[first.run_id] == records[again.run_id]


def test_a_volatile_step_always_runs_and_spares_what_follows_if_nothing_is_new(toy: Toy) -> None:
    toy.run(spec(toy))
    toy.ran()
    again = toy.run(spec(toy))
    assert again.is_unchanged
    assert toy.ran() == ["split"]
    (toy.folder / "words").write_text("2013-01 2013-05")
    changed = toy.run(spec(toy))
    assert (statuses(changed), changed.is_unchanged) == ([PASSED] * 3, False)


def test_a_volatile_step_that_fails_is_no_cached_one(toy: Toy) -> None:
    toy.run(spec(toy))
    (toy.folder / "words").unlink()
    assert statuses(toy.run(spec(toy))) == [FAILED, BLOCKED, BLOCKED]


def test_a_volatile_step_may_map(toy: Toy) -> None:
    steps = spec(toy).steps
    volatile = pipeline(steps[0], steps[1].model_copy(update={"is_volatile": True}), journal=toy.journal)
    toy.run(volatile)
    toy.ran()
    assert toy.run(volatile).is_unchanged
    assert len(toy.ran()) == 4


def test_other_code_runs_a_volatile_step_as_any_other(toy: Toy) -> None:
    toy.run(spec(toy))
    assert not toy.run(spec(toy), lineage=dataclasses.replace(LINEAGE, code_digest="code-2")).is_unchanged


def test_what_a_stopped_run_has_not_begun_is_never_begun(toy: Toy) -> None:
    """An interruption comes while one partition runs and the others wait for their turn."""
    code = "import time; time.sleep(60)"

    class Interrupted(Silent):
        def step_started(self, step: str) -> None:
            if step == "beside":
                deadline = time.monotonic() + 10
                while "each" not in toy.journal.read_text() and time.monotonic() < deadline:
                    time.sleep(0.01)
                raise KeyboardInterrupt

    split, each, _ = spec(toy, code).steps
    both = pipeline(split, each, step("beside", needs=("split",), outputs=("b",)), journal=toy.journal)
    with pytest.raises(KeyboardInterrupt):
        toy.run(both, progress=Interrupted(), parallel_steps=1)
    assert toy.ran() == ["split", "each[2013-01]"]
    assert len(list((toy.folder / "logs").iterdir())) == 2


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("train", "features", None), "train-features"),
        (("train", "features", "2013-03"), "train-features-2013-03"),
        (("train", "features", "JFK/x"), None),
        (("train", "features", "jfk-x"), "train-features-jfk-x"),
        (("t" * 40, "s" * 40, None), None),
    ],
)
def test_jobs_of_partitions_have_names_that_no_other_has(words: tuple[str, str, str | None], name: str | None) -> None:
    made = job_name(*words)
    TypeAdapter(Name).validate_python(made)
    assert made == name if name else (len(made) <= NAME_LENGTH and made[-9] == "-")


@pytest.mark.parametrize("partition", ["x" * 200, "ÄÖ", "--", "a b", "a_b", "2013-03"])
def test_no_two_partitions_have_one_name(partition: str) -> None:
    made = job_name("train", "features", partition)
    TypeAdapter(Name).validate_python(made)
    assert made not in [job_name("train", "features", other) for other in (None, "a-b", "x" * 199, "Ä", "-")]
