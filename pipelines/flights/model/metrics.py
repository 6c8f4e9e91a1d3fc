"""How good probabilities are, with intervals that know that the flights of a day share its weather and its jams.

The bootstrap draws days and not flights: flights of one day are late together, so as many independent flights as
there are rows would promise intervals that are far too narrow. It also makes the bootstrap cheap, without an
approximation: each metric of a resample follows from sums by day (the area under the ROC curve from the pairs of a
late flight of one day and one in time of another), so thousands of resamples are a few small matrix products.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

BINS = 10  # of the reliability table and of the calibration error: as many rows in each
# Sums by other threads or processors differ in their last digits (1e-16); the bytes of an evaluation, which holds
# thousands of numbers, must not.
DIGITS = 9


def resamples(days: int, count: int, seed: int) -> Floats:
    """[count + 1, days]: how often each day is drawn; the first row is the sample as it is."""
    drawn = np.random.default_rng(seed).multinomial(days, np.full(days, 1 / days), size=count)
    return np.vstack([np.ones(days), drawn]).astype(np.float64)


@dataclass(frozen=True)
class Interval:
    """A metric on the rows as they are, and the percentile interval of its resamples."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Floats, confidence: float) -> "Interval":
        """`values` of `resamples`: the first is the metric itself. Resamples without it (NaN) are left out."""
        tail = (1 - confidence) / 2
        low, high = np.nanquantile(values[1:], [tail, 1 - tail])
        return cls(*(round(float(each), DIGITS) for each in (values[0], low, high)))

    def as_json(self) -> dict[str, float]:
        return {"value": self.value, "low": self.low, "high": self.high}


def of_resamples(late: Bools, probability: Floats, day: Ints, weights: Floats) -> Mapping[str, Floats]:
    """Each metric of each row of `weights` (from `resamples`); `day` counts from 0.

    AUC: 0.5 is chance, 1 is perfect, NaN where no or all flights are late. Brier score and log loss: 0 is perfect.
    Calibration error: the mean distance between predicted and late share of `BINS` groups of like probability."""
    days = weights.shape[1]
    rows = weights @ np.bincount(day, minlength=days)

    def mean(losses: Floats) -> Floats:
        return (weights @ np.bincount(day, weights=losses, minlength=days)) / rows

    certain = np.clip(probability, 1e-15, 1 - 1e-15)
    group = _groups(probability)
    excess = np.bincount(group * days + day, weights=probability - late, minlength=BINS * days).reshape(BINS, days)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "auc": _auc(late, probability, day, weights),
            "brier": mean((probability - late) ** 2),
            "log_loss": mean(-np.log(np.where(late, certain, 1 - certain))),
            "calibration_error": np.abs(weights @ excess.T).sum(axis=1) / rows,
            "bias": mean(probability - late),
        }


def _auc(late: Bools, probability: Floats, day: Ints, weights: Floats) -> Floats:
    days = weights.shape[1]
    values, rank = np.unique(probability, return_inverse=True)

    def counts(chosen: Bools) -> Floats:
        """[values, days]"""
        counted = np.bincount(rank[chosen] * days + day[chosen], minlength=len(values) * days)
        return counted.reshape(len(values), days).astype(np.float64)

    is_late, in_time = counts(late), counts(~late)
    # [days, days]: pairs of a late flight and a less probable one in time; a tie counts half.
    pairs = is_late.T @ (np.cumsum(in_time, axis=0) - in_time / 2)
    won = ((weights @ pairs) * weights).sum(axis=1)
    return np.asarray(won / ((weights @ is_late.sum(axis=0)) * (weights @ in_time.sum(axis=0))))


def _groups(probability: Floats) -> Ints:
    """Of each row: its tenth by probability; equal probabilities are in one group."""
    edges = np.quantile(probability, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.searchsorted(edges, probability, side="right").astype(np.int64)


def reliability(late: Bools, probability: Floats) -> list[dict[str, float]]:
    """What was predicted and what came, by groups of like probability."""
    group = _groups(probability)
    chosen: list[Bools] = [group == number for number in np.unique(group)]
    return [
        {
            "rows": int(each.sum()),
            "predicted": round(float(probability[each].mean()), DIGITS),
            "late": round(float(late[each].mean()), DIGITS),
        }
        for each in chosen
    ]
