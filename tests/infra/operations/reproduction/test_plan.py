"""Which steps of a past run run again."""

from pathlib import Path

import pytest

from infra.contracts.workload import Pipeline
from infra.operations.reproduction.plan import plan
from tests.support.toy_pipeline import pipeline, step


@pytest.fixture
def recorded(tmp_path: Path) -> Pipeline:
    look = step("look", needs=("make",), inputs=("b",), outputs=("seen",))
    publish = step("publish", needs=("make",), inputs=("b",), outputs=("entry",))
    return pipeline(
        step("read", outputs=("a",)),
        step("make", needs=("read",), inputs=("a",), outputs=("b",)),
        look.model_copy(update={"is_volatile": True, "secrets": {"PASSWORD": "operator-password"}}),
        step("judge", needs=("make", "look"), inputs=("b", "seen"), outputs=("verdict",)),
        publish.model_copy(update={"secrets": {"PASSWORD": "operator-password"}}),
        step("announce", needs=("publish",), inputs=("entry",), outputs=("news",)),
        journal=tmp_path / "journal",
    )


def test_what_needs_no_outside_runs_again(recorded: Pipeline) -> None:
    assert plan(recorded, {"seen": "file:///seen"}).again == ("read", "make", "judge")


def test_what_looked_outside_is_taken_and_asks_nobody(recorded: Pipeline) -> None:
    planned = plan(recorded, {"seen": "file:///seen"})
    (look,) = [each for each in planned.pipeline.steps if each.name == "look"]
    assert planned.taken == ("look",)
    assert look.command[-2:] == ("HIGHWAY_OUTPUT_SEEN", "file:///seen")
    assert (look.secrets, look.needs, look.is_volatile) == ({}, (), False)


def test_what_needs_a_secret_is_left_out_with_all_that_follows(recorded: Pipeline) -> None:
    assert plan(recorded, {"seen": "file:///seen"}).left_out == {
        "publish": "it needs the secret operator-password",
        "announce": "it needs publish",
    }
