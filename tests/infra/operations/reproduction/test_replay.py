"""A past run made again by a real executor, in a real clone, with nothing that the run left."""

import os
import sys
from pathlib import Path

import pytest

from infra.contracts.clock import SystemClock
from infra.contracts.pipelines import PipelineResult
from infra.contracts.workload import Pipeline, Step
from infra.operations.pipelines.artifacts import ArtifactStore
from infra.operations.pipelines.lineage import lineage_of
from infra.operations.pipelines.records import RunRecord, run_records
from infra.operations.pipelines.report import Silent
from infra.operations.pipelines.run import run_pipeline
from infra.operations.pipelines.subprocess_jobs import SubprocessJobs
from infra.operations.reproduction.checkout import NotReproducibleError, check_out
from infra.operations.reproduction.replay import Place, Reproduction, judge, plan_of, replay
from tests.support.toy_pipeline import pipeline, step
from tests.support.working_copy import WorkingCopy

CODE, LOCK = ["code"], "lock"
SECRET = {"PASSWORD": "operator-password"}


class Past:
    """A run that passed, and the means to make it again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.storage_uri = (folder / "storage").as_uri()
        self.copy = WorkingCopy.create(folder / "copy", folder / "nowhere")
        self.copy.commit({"code/words.py": "WORD = 'hello'\n", "lock": "packages"})
        self.outside = folder / "outside"
        self.outside.write_text("one")
        self.journal = folder / "journal"
        lineage = lineage_of(self.copy.path, code=CODE, lock=LOCK)
        made = run_pipeline(
            self.pipeline(),
            jobs=SubprocessJobs(
                folder=self.copy.path, logs=folder / "logs", environment={"PASSWORD": str(folder / "password")}
            ),
            storage_uri=self.storage_uri,
            lineage=lineage,
            clock=SystemClock(),
        )
        assert made.is_success, made.summary
        self.record: RunRecord = run_records(self.storage_uri, "toy")[0]

    def pipeline(self) -> Pipeline:
        look = step("look", outputs=("seen",), code=f"text = pathlib.Path({str(self.outside)!r}).read_text()")
        word = "sys.path.append('code'); import words; text += words.WORD"
        steps: tuple[Step, ...] = (
            look.model_copy(update={"is_volatile": True}),
            step("read", needs=("look",), inputs=("seen",), outputs=("raw",), code=word),
            step("train", needs=("read",), inputs=("raw",), outputs=("model",)),
            step("register", needs=("train",), inputs=("model",), outputs=("entry",)).model_copy(
                update={"secrets": SECRET}
            ),
        )
        return pipeline(*steps, journal=self.journal)

    def artifact(self, name: str) -> Path:
        digest = next(made[name] for made in self.record.outputs.values() if name in made)
        return ArtifactStore(self.storage_uri, "toy").path_of(digest)

    def again(self) -> Reproduction:
        place = Place(self.folder / "clean")
        place.folder.mkdir()
        planned = plan_of(self.record, self.storage_uri)
        check_out(self.copy.path, place.repo, self.record.lineage, code=CODE, lock=LOCK, tell=lambda _: None)
        run = replay(planned, place, self.record, Path(sys.executable), Silent())
        return judge(self.record, planned, run, place, storage_uri=self.storage_uri, bundles=self.folder / "bundles")


@pytest.fixture
def past(tmp_path: Path) -> Past:
    return Past(tmp_path / "a folder")  # a space is where URIs, paths and command lines part


def alter(path: Path, content: str) -> None:
    path.chmod(0o600)
    path.write_text(content)


def verdicts(found: Reproduction) -> dict[str, str]:
    return {artifact.name: artifact.verdict for artifact in found.artifacts}


def test_the_same_is_made_again_whatever_happened_to_the_sources_and_the_outside(past: Past) -> None:
    past.copy.commit({"code/words.py": "WORD = 'goodbye'\n"})
    past.outside.write_text("two")
    past.journal.unlink()
    found = past.again()
    assert found.is_same, found
    assert verdicts(found) == {"raw": "equal", "model": "equal"}
    assert past.journal.read_text().split() == ["read", "train"], "they ran, and nothing that looks outside did"
    assert (found.again, found.taken) == (("read", "train"), ("look",))
    assert found.left_out == {"register": "it needs the secret operator-password"}


def test_nothing_of_ours_reaches_the_steps(past: Past, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "words.py").write_text("WORD = 'ours'\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "ours"))
    monkeypatch.setenv("GIT_DIR", os.devnull)
    assert past.again().is_same


def test_recorded_data_that_was_altered_is_named(past: Past) -> None:
    alter(past.artifact("raw") / "text", "forged\n")
    found = past.again()
    assert not found.is_same
    assert verdicts(found) == {"raw": "altered since", "model": "equal"}
    (difference,) = found.artifacts[0].differences
    assert (difference.file, difference.detail) == ("text", "7 bytes, now 18; the first that differs is at 0")


def test_a_run_whose_record_was_forged_differs(past: Past) -> None:
    outputs = {
        **past.record.outputs,
        "train": past.record.outputs["read"] | {"model": past.record.outputs["read"]["raw"]},
    }
    outputs["train"].pop("raw")
    past.record = past.record.model_copy(update={"outputs": outputs})
    assert verdicts(past.again()) == {"raw": "equal", "model": "differs"}


def test_a_published_bundle_that_is_gone_is_a_difference(past: Past) -> None:
    result = PipelineResult(model="toy", digest="sha256:" + "0" * 64)
    past.record = past.record.model_copy(update={"result": result})
    found = past.again()
    assert set(verdicts(found).values()) == {"equal"}
    assert found.failures[0].startswith("no bundle sha256:000")
    assert not found.is_same


def test_a_step_that_fails_now_is_told_with_the_last_line_of_its_log(past: Past) -> None:
    steps = tuple(
        each.model_copy(update={"command": ("python", "-c", "raise SystemExit('the source is gone')")})
        if each.name == "train"
        else each
        for each in past.record.pipeline.steps
    )
    past.record = past.record.model_copy(update={"pipeline": past.record.pipeline.model_copy(update={"steps": steps})})
    found = past.again()
    assert found.failures == ("train failed: exit code 1: the source is gone",)
    assert verdicts(found) == {"raw": "equal", "model": "not made"}
    assert not found.is_same


def test_what_was_seen_outside_must_be_there_as_it_was(past: Past) -> None:
    alter(past.artifact("seen") / "text", "forged")
    with pytest.raises(NotReproducibleError, match="the recorded seen is altered"):
        past.again()
