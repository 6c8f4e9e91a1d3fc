"""Each gate passes with the real model and can fail; what it says is one line with the value and the limit."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

from infra.contracts.pipelines import Check
from pipelines.conf import FOLDER, ConfError
from pipelines.flights.columns import LABEL
from pipelines.flights.model.evaluation import Judged
from pipelines.flights.model.gates import EvaluationConf, Facts, GatesConf, verdicts
from tests.support.training import Trained

pytestmark = pytest.mark.model

CONF = GatesConf.from_file()
FEW = EvaluationConf(resamples=1000, seed=1, confidence=0.95, slice_rows_min=100)


def judged(worse_for: str | None = None, *, days: int = 20, a_day: int = 200) -> dict[str, Any]:
    """A champion that knows the truth, and a candidate that errs as little, but for one carrier."""
    random = np.random.default_rng(7)
    rows = days * a_day
    frame = pd.DataFrame(
        {
            "day": np.repeat(np.arange(1, days + 1), a_day),
            "carrier": random.choice(["AA", "B6", "UA"], rows),
            "origin": random.choice(["EWR", "JFK"], rows),
            "scheduled_departure_minute": random.integers(360, 600, rows),
        }
    )
    truth = random.uniform(0.05, 0.6, rows)
    frame[LABEL] = random.random(rows) < truth
    candidate = np.clip(truth + random.normal(0, 0.02, rows), 0, 1)
    if worse_for:
        candidate = np.where(frame["carrier"] == worse_for, 1 - truth, candidate)
    found = Judged(frame, {"candidate": candidate, "champion": truth}).as_json(FEW)
    return {**found, "champion": {"version": "4", "digest": "sha256:4"}}


def real(training: Trained) -> Facts:
    evaluation = training.artifact("evaluation").read_json("evaluation.json")
    return Facts(copy.deepcopy(evaluation), model_bytes=1_200_000, latency_ms=0.02)


def spoil_metric(name: str, value: float) -> Callable[[Facts], Facts]:
    def spoil(facts: Facts) -> Facts:
        facts.evaluation["models"]["candidate"]["metrics"][name]["value"] = value
        return facts

    return spoil


def spoil_difference(other: str) -> Callable[[Facts], Facts]:
    """Better by a little, and by chance: the interval of the difference holds 0."""

    def spoil(facts: Facts) -> Facts:
        facts.evaluation["differences"][other]["brier"] = {"value": -0.001, "low": -0.004, "high": 0.002}
        return facts

    return spoil


def spoil_slices(facts: Facts) -> Facts:
    other = judged(worse_for="B6")
    spoiled = {"slices": other["slices"], "champion": other["champion"]}
    return Facts({**facts.evaluation, **spoiled}, facts.model_bytes, facts.latency_ms)


def spoil_one_carrier(facts: Facts) -> Facts:
    slices = [part for part in facts.evaluation["slices"] if part["by"] == "carrier"]
    slices[0]["models"]["candidate"]["bias"]["value"] = -0.2
    return facts


def spoil_parity(facts: Facts) -> Facts:
    facts.evaluation["parity"]["max_difference"] = 2e-5
    return facts


SPOILED: dict[str, tuple[Callable[[Facts], Facts], str]] = {
    "discrimination": (spoil_metric("auc", 0.69), "auc is 0.6900, at least 0.7"),
    "calibration": (spoil_metric("calibration_error", 0.2), "calibration_error is 0.2000, at most 0.1"),
    "beats-average": (
        spoil_difference("always_average"),
        "better than of always_average by 0.0010, by at least -0.0020",
    ),
    "beats-logistic-regression": (spoil_difference("logistic_regression"), "by 0.0010, by at least -0.0020 (above 0)"),
    "champion-slices": (spoil_slices, "worse than of version 4 in carrier B6 (by "),
    "carrier-fairness": (spoil_one_carrier, "-0.200 for carrier"),
    "parity": (spoil_parity, "differ by 2.0e-05 on 27,010 rows, at most 1e-05"),
    "latency": (lambda facts: Facts(facts.evaluation, facts.model_bytes, 0.75), "takes 0.750 ms, at most 0.5"),
    "size": (lambda facts: Facts(facts.evaluation, 5_000_000, facts.latency_ms), "5,000,000 bytes, at most 4,000,000"),
}


def broken(facts: Facts) -> list[Check]:
    return [check for check in verdicts(CONF.gates, facts) if not check.is_passed]


def test_the_real_model_passes_every_gate(training: Trained) -> None:
    assert broken(real(training)) == []


@pytest.mark.parametrize("name", CONF.gates)
def test_each_gate_can_fail(training: Trained, name: str) -> None:
    spoil, words = SPOILED[name]
    (check,) = [each for each in broken(spoil(real(training))) if each.name == f"gate.{name}"]
    assert words in check.summary
    assert check.suite == "model"
    assert check.value is not None
    assert check.limit is not None


def test_a_champion_that_is_as_good_breaks_nothing() -> None:
    """The candidate is certainly worse, by so little that it does not matter."""
    gate = CONF.gates["champion-slices"]
    found = gate.judge(Facts(judged(), 0, 0))
    assert found.is_passed
    assert found.value is not None
    assert 0 < found.value < found.limit == 0.002
    assert "worse than of version 4 in none of 9 slices" in found.summary


@pytest.mark.parametrize("name", ["champion-slices", "carrier-fairness"])
def test_a_gate_over_slices_is_not_passed_when_there_are_none(name: str) -> None:
    found = CONF.gates[name].judge(Facts({**judged(), "slices": []}, 0, 0))
    assert not found.is_passed
    assert found.summary.endswith("large enough to compare: lower evaluation.slice_rows_min")


def test_intervals_of_slices_hold_together(training: Trained) -> None:
    """Of many trainings with nothing changed but chance, few may be refused."""
    evaluation = real(training).evaluation
    assert evaluation["resampling"]["slices_confidence"] == pytest.approx(1 - 0.05 / len(evaluation["slices"]))
    assert {part["by"] for part in evaluation["slices"]} == {"carrier", "origin", "hour"}
    assert min(part["rows"] for part in evaluation["slices"]) >= CONF.evaluation.slice_rows_min


def test_the_latency_of_a_model_that_passes_is_not_in_its_verdict(training: Trained) -> None:
    """It differs between two runs, and a verdict is the same to the byte."""
    one, two = (verdicts(CONF.gates, Facts(real(training).evaluation, 1, ms)) for ms in (0.01, 0.02))
    assert one == two


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"gates": {"size": {"kind": "size", "limit_bytes": 1, "limit_mb": 2}}}, "gates.size.size.limit_mb: Extra"),
        ({"gates": {"x": {"kind": "unheard-of"}}}, "gates.x: Input tag 'unheard-of'"),
        ({"gates": {}}, "gates: Dictionary should have at least 1 item"),
        ({"gate": {}}, "gate: Extra inputs are not permitted"),
    ],
    ids=str,
)
def test_gates_that_cannot_be_read_are_refused_in_one_line(
    tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    file = tmp_path / "gates.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load((FOLDER / GatesConf.FILE).read_text()), **change}))
    with pytest.raises(ConfError) as refused:
        GatesConf.from_file(file)
    assert problem in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_of_gates_that_is_no_yaml_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "gates.yaml").write_text("gates: {size: [")
    with pytest.raises(ConfError, match=r"^gates.yaml is no YAML \(.*line 1, column 16.*\)$"):
        GatesConf.from_file(tmp_path / "gates.yaml")


def test_too_few_resamples_are_refused() -> None:
    with pytest.raises(ValidationError, match="resamples"):
        EvaluationConf(resamples=100, seed=1, confidence=0.95, slice_rows_min=1)
