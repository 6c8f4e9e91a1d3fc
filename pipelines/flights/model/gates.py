"""Gates as data: what a model must reach to be registered, from `pipelines/confs/gates.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from infra.contracts.pipelines import Check
from infra.contracts.workload import Name
from pipelines.conf import FileConf, Frozen

PARAMETER = "GATES_CONF"

Metric = Literal["auc", "brier", "log_loss", "calibration_error"]
RISING = ("auc",)  # the metrics of which more is better


@dataclass(frozen=True)
class Facts:
    """What gates look at. `evaluation` is the file of the step of this name; `model_bytes` those of what the app
    loads (the documents beside it are a few kB)."""

    evaluation: Mapping[str, Any]
    model_bytes: int
    latency_ms: float


@dataclass(frozen=True)
class Found:
    """`value` is None where there is none, or where it differs between two runs of the same model: a verdict is the
    same to the byte."""

    is_passed: bool
    summary: str
    value: float | None
    limit: float


class AtLeast(Frozen):
    """A metric of the held-out month."""

    kind: Literal["at_least"]
    metric: Metric
    limit: float

    def judge(self, facts: Facts) -> Found:
        value = facts.evaluation["models"]["candidate"]["metrics"][self.metric]["value"]
        return Found(value >= self.limit, f"{self.metric} is {value:.4f}, at least {self.limit:g}", value, self.limit)


class AtMost(Frozen):
    """A metric of the held-out month."""

    kind: Literal["at_most"]
    metric: Metric
    limit: float

    def judge(self, facts: Facts) -> Found:
        value = facts.evaluation["models"]["candidate"]["metrics"][self.metric]["value"]
        return Found(value <= self.limit, f"{self.metric} is {value:.4f}, at most {self.limit:g}", value, self.limit)


class BetterThan(Frozen):
    """Better on the same rows, and the whole interval of the difference says so."""

    kind: Literal["better_than"]
    other: Literal["always_average", "logistic_regression"]
    metric: Metric

    def judge(self, facts: Facts) -> Found:
        gain = _gain(facts.evaluation["differences"][self.other], self.metric)
        words = f"{self.metric} is better than of {self.other} by {gain[0]:.4f}, by at least {gain[1]:.4f} (above 0)"
        return Found(gain[1] > 0, words, gain[1], 0.0)


class NoSliceWorse(Frozen):
    """No slice in which the champion is better by more than `margin`, and the whole interval of the difference says
    that it is better. The intervals of all slices hold together: with forty at 95 % each, one would be broken by
    chance in most trainings. The margin is for two models so alike that any difference is certain, and none matters."""

    kind: Literal["no_slice_worse"]
    metric: Metric
    margin: float = Field(ge=0)

    def judge(self, facts: Facts) -> Found:
        champion = facts.evaluation["champion"]["version"]
        if champion is None:
            return Found(True, "there is no champion to compare with", 0.0, self.margin)
        if not facts.evaluation["slices"]:
            return Found(
                False, "no slice is large enough to compare: lower evaluation.slice_rows_min", None, self.margin
            )
        worst, worse = 0.0, []
        for part in facts.evaluation["slices"]:
            value, _, high = _gain(part["differences"]["champion"], self.metric)
            if high < 0:
                worst = max(worst, -value)
                if -value > self.margin:
                    worse.append(f"{part['by']} {part['value']} (by {-value:.4f})")
        words = (
            f"{self.metric} is worse than of version {champion} in {', '.join(worse) or 'none'} "
            f"of {len(facts.evaluation['slices'])} slices, by at most {self.margin:g}"
        )
        return Found(not worse, words, worst, self.margin)


class EvenBias(Frozen):
    """Fairness: a model that says 20 % for flights of which 15 % are late is unfair to whoever flies them, if it is
    not as far off for the others. The gap is between the largest and the smallest mean error (predicted minus late
    share) of the slices. Equal true positive rates are no aim here: carriers differ in how often they are late."""

    kind: Literal["even_bias"]
    by: Literal["carrier", "origin", "hour"]
    limit: float

    def judge(self, facts: Facts) -> Found:
        bias = {
            part["value"]: part["models"]["candidate"]["bias"]["value"]
            for part in facts.evaluation["slices"]
            if part["by"] == self.by
        }
        if len(bias) < 2:
            words = f"{len(bias)} slices by {self.by} are large enough to compare: lower evaluation.slice_rows_min"
            return Found(False, words, None, self.limit)
        low, high = min(bias, key=bias.__getitem__), max(bias, key=bias.__getitem__)
        gap = bias[high] - bias[low]
        words = (
            f"predicted minus late share is {bias[low]:+.3f} for {self.by} {low} and {bias[high]:+.3f} for {high}: "
            f"a gap of {gap:.3f}, at most {self.limit:g}"
        )
        return Found(gap <= self.limit, words, gap, self.limit)


class Parity(Frozen):
    """ONNX against scikit-learn, on every row of the held-out month."""

    kind: Literal["parity"]
    limit: float

    def judge(self, facts: Facts) -> Found:
        rows, value = facts.evaluation["parity"]["rows"], facts.evaluation["parity"]["max_difference"]
        words = f"ONNX and scikit-learn differ by {value:.1e} on {rows:,} rows, at most {self.limit:g}"
        return Found(value <= self.limit, words, value, self.limit)


class Latency(Frozen):
    """Median of a single row in ONNX Runtime. Its value is told when it is too high; the log has it always."""

    kind: Literal["latency"]
    limit_ms: float

    def judge(self, facts: Facts) -> Found:
        if facts.latency_ms <= self.limit_ms:
            return Found(True, f"a single row takes at most {self.limit_ms:g} ms", None, self.limit_ms)
        words = f"a single row takes {facts.latency_ms:.3f} ms, at most {self.limit_ms:g}"
        return Found(False, words, facts.latency_ms, self.limit_ms)


class Size(Frozen):
    """Of what a server fetches and loads."""

    kind: Literal["size"]
    limit_bytes: int

    def judge(self, facts: Facts) -> Found:
        words = f"the model has {facts.model_bytes:,} bytes, at most {self.limit_bytes:,}"
        return Found(facts.model_bytes <= self.limit_bytes, words, facts.model_bytes, self.limit_bytes)


Gate = Annotated[
    AtLeast | AtMost | BetterThan | NoSliceWorse | EvenBias | Parity | Latency | Size, Field(discriminator="kind")
]


class EvaluationConf(Frozen):
    """Of the intervals: see pipelines/flights/model/metrics.py."""

    resamples: int = Field(ge=500)
    seed: int = Field(ge=0)
    confidence: float = Field(gt=0.5, lt=1)
    slice_rows_min: int = Field(ge=1)


class GatesConf(FileConf):
    FILE: ClassVar[str] = "gates.yaml"
    PARAMETER: ClassVar[str] = PARAMETER

    evaluation: EvaluationConf
    gates: dict[Name, Gate] = Field(min_length=1)


def verdicts(gates: Mapping[str, Gate], facts: Facts) -> list[Check]:
    found = {name: gate.judge(facts) for name, gate in gates.items()}
    return [
        Check(
            name=f"gate.{name}",
            suite="model",
            is_passed=each.is_passed,
            summary=each.summary,
            value=each.value,
            limit=each.limit,
        )
        for name, each in found.items()
    ]


def table(checks: list[Check]) -> str:
    """For people, as Markdown."""
    rows = [f"| {check.name} | {'passed' if check.is_passed else '**broken**'} | {check.summary} |" for check in checks]
    return "\n".join(["| Gate | Verdict | Seen, and allowed |", "|---|---|---|", *rows])


def _gain(difference: Mapping[str, Mapping[str, float]], metric: str) -> tuple[float, float, float]:
    """By how much the candidate is better, at least and at most: value, low, high, all positive when it is."""
    each = difference[metric]
    if metric in RISING:
        return each["value"], each["low"], each["high"]
    return -each["value"], -each["high"], -each["low"]
