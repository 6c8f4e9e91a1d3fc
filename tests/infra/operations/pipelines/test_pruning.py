"""What is removed after a run, and what never is."""

import threading
import time
from pathlib import Path

import pytest

from infra.contracts.workload import Pipeline
from infra.operations.pipelines import pruning
from infra.operations.pipelines.artifacts import ArtifactStore
from infra.operations.pipelines.lock import naming
from infra.operations.pipelines.records import run_records
from infra.operations.pipelines.report import StepStatus
from tests.support.toy_pipeline import chain, mapping, pipeline, step
from tests.support.toy_run import Toy, statuses


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


def said(toy: Toy, words: str, name: str = "toy") -> Pipeline:
    return pipeline(step("say", outputs=("a",), code=f"text = {words!r}"), journal=toy.journal, name=name)


def kept(toy: Toy) -> set[str]:
    return {path.read_text().split("\n")[0] for path in (toy.folder / "storage" / "objects").rglob("text")}


def test_only_the_last_runs_are_remembered(toy: Toy) -> None:
    for number in range(5):
        toy.run(said(toy, f"{number} "), keep_runs=2)
    assert kept(toy) == {"3 say", "4 say"}
    assert len(run_records(toy.storage_uri, "toy")) == 2
    assert len(list(ArtifactStore(toy.storage_uri, "toy").steps.iterdir())) == 2
    toy.ran()
    assert toy.run(said(toy, "3 "), keep_runs=2).is_unchanged


def test_runs_that_changed_nothing_forget_nothing(toy: Toy) -> None:
    first = toy.run(said(toy, "first "), keep_runs=2)
    second = toy.run(said(toy, "second "), keep_runs=2)
    again = [toy.run(said(toy, "second "), keep_runs=2) for _ in range(4)]
    assert kept(toy) == {"first say", "second say"}
    known = [record.run_id for record in run_records(toy.storage_uri, "toy")]
    assert known == [again[-1].run_id, second.run_id, first.run_id], "who made it, and who said so last"


def test_a_failed_run_removes_nothing(toy: Toy) -> None:
    toy.run(said(toy, "good "), keep_runs=1)
    assert not toy.run(chain(toy.journal, third="sys.exit(1)"), keep_runs=1).is_success
    assert kept(toy) == {"good say", "first"}


def test_what_another_pipeline_made_stays_whether_its_run_has_ended_or_not(toy: Toy) -> None:
    toy.run(said(toy, "theirs ", name="other"))
    toy.run(chain(toy.journal, third="sys.exit(1)").model_copy(update={"name": "under-way"}))
    toy.run(said(toy, "shared ", name="other"))
    toy.run(said(toy, "shared "), keep_runs=1)
    toy.run(said(toy, "mine "), keep_runs=1)
    assert kept(toy) == {"theirs say", "shared say", "mine say", "first"}
    assert toy.run(said(toy, "theirs ", name="other")).is_unchanged


def test_what_a_record_of_another_version_names_stays(toy: Toy) -> None:
    run = toy.run(said(toy, "old "))
    runs = ArtifactStore(toy.storage_uri, "toy").runs
    (runs / f"{run.run_id}.json").write_text(f'{{"version": 9, "outputs": ["{run.steps[0].outputs["a"]}"]}}')
    toy.run(said(toy, "new "), keep_runs=1)
    toy.run(said(toy, "newer "), keep_runs=1)
    assert kept(toy) == {"old say", "newer say"}


def test_partitions_of_a_remembered_run_stay_cached(toy: Toy) -> None:
    words = toy.folder / "words"
    words.write_text("x y")
    toy.run(mapping(toy.journal), keep_runs=1)
    assert toy.run(mapping(toy.journal), keep_runs=1).is_unchanged
    toy.ran()
    words.write_text("x y z")
    assert statuses(toy.run(mapping(toy.journal), keep_runs=1)) == [StepStatus.PASSED] * 3
    assert toy.ran() == ["split", "each[z]", "whole"]


def test_nothing_is_removed_while_somebody_names_an_artifact(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between moving an artifact to its place and naming it in a record, nothing holds it but the lock."""
    toy.run(said(toy, "seen "))
    store = ArtifactStore(toy.storage_uri, "other")
    staged = store.stage("run", "step", ("a",))["a"]
    (staged / "text").write_text("between")
    moved, go_on, removed = threading.Event(), threading.Event(), threading.Event()

    def slow(path: Path, content: str) -> None:
        moved.set()
        assert go_on.wait(10)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    monkeypatch.setattr("infra.operations.pipelines.artifacts.write_atomically", slow)
    naming_it = threading.Thread(target=lambda: store.publish("sha256:00", "step", "run", {"a": staged}))
    naming_it.start()
    assert moved.wait(10)

    def remove() -> None:
        pruning.prune(ArtifactStore(toy.storage_uri, "toy"), keep_runs=1)
        removed.set()

    removing = threading.Thread(target=remove)
    removing.start()
    time.sleep(0.2)
    assert not removed.is_set()
    go_on.set()
    naming_it.join()
    removing.join()
    assert kept(toy) == {"seen say", "between"}


def test_many_may_name_at_once(tmp_path: Path) -> None:
    with naming(tmp_path), naming(tmp_path):
        pass
