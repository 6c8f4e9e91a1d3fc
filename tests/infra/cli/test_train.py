"""What `highway train` says of a run, to people and to programs; the runs are real, the platform is left out."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.cli import train
from infra.cli.app import main
from infra.contracts.workload import Pipeline
from infra.operations.pipelines.report import PipelineRun
from tests.support.toy_pipeline import chain, mapping, pipeline, step
from tests.support.toy_run import Toy

RESULT = "(folder('OUTPUT', 'result') / 'result.json').write_text('{\"model\": \"m\", \"version\": \"7\"}')"


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    (tmp_path / "words").write_text("x y")
    return Toy(tmp_path)


def highway_train(toy: Toy, spec: Pipeline, monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    def run(*_: object) -> PipelineRun:
        ended = toy.run(spec)
        if not ended.is_success:
            raise train.RunFailedError(ended)
        return ended

    monkeypatch.setattr(train, "train", run)
    monkeypatch.setattr(sys, "argv", ["highway", "train", *options])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_run_is_told_to_programs_with_its_steps_and_result(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = pipeline(*mapping(toy.journal).steps, step("report", outputs=("result",), code=RESULT), journal=toy.journal)
    told: list[dict[str, Any]] = []
    for _ in range(2):
        assert highway_train(toy, spec, monkeypatch, "--json") == 0
        told.append(json.loads(capsys.readouterr().out))
    first, again = told
    assert (first["is_success"], first["is_unchanged"], again["is_unchanged"]) == (True, False, True)
    assert first["result"]["version"] == again["result"]["version"] == "7"
    assert [each["step"] for each in first["steps"]] == ["split", "each", "whole", "report"]
    assert [each["status"] for each in first["steps"]] == ["passed"] * 4
    assert first["steps"][1]["partitions"] == {"x": "passed", "y": "passed"}
    assert all(each["duration_seconds"] > 0 for each in first["steps"])
    assert first["run_id"] != again["run_id"]


def test_a_failed_run_ends_with_1_its_step_reason_and_log(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = chain(toy.journal, second="sys.exit(3)")
    assert highway_train(toy, spec, monkeypatch, "--json") == 1
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert (told["is_success"], told["result"]) == (False, None)
    passed, failed, blocked = told["steps"]
    assert (passed["status"], failed["status"], blocked["status"]) == ("passed", "failed", "blocked")
    assert (failed["reason"], failed["attempts"], blocked["reason"]) == ("exit code 3", 1, None)
    assert Path(failed["log"]).exists()
    assert f"second: failed: exit code 3; see {failed['log']}" in said.err
    assert "third: not started, a step that it needs failed" in said.err


def test_people_get_a_line_a_step(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert highway_train(toy, mapping(toy.journal), monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["split", "each", "whole"]
    assert "2 of 2 partitions" in lines[1]
