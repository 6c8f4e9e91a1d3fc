"""Metrics and their intervals, against scikit-learn and against what a simulation knows to be true."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from pipelines.flights.model.metrics import Interval, of_resamples, reliability, resamples

DAYS, A_DAY = 30, 100
Sample = tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64], npt.NDArray[np.int64]]

pytestmark = pytest.mark.model


def sample(seed: int) -> Sample:
    """Days differ in how late everything is; probabilities are rounded, so that there are ties."""
    random = np.random.default_rng(seed)
    day = np.repeat(np.arange(DAYS), A_DAY)
    score = random.normal(-1, 1, DAYS * A_DAY)
    late = score + np.repeat(random.normal(0, 1, DAYS), A_DAY) + random.logistic(size=len(day)) > 0
    return late, (1 / (1 + np.exp(-score))).round(2), day


def test_metrics_are_those_of_scikit_learn() -> None:
    late, probability, day = sample(1)
    metrics = of_resamples(late, probability, day, resamples(DAYS, 1, seed=1))
    assert metrics["auc"][0] == pytest.approx(roc_auc_score(late, probability), abs=1e-12)
    assert metrics["brier"][0] == pytest.approx(brier_score_loss(late, probability), abs=1e-12)
    assert metrics["log_loss"][0] == pytest.approx(log_loss(late, probability), abs=1e-12)
    assert metrics["bias"][0] == pytest.approx(probability.mean() - late.mean(), abs=1e-12)


def test_a_resample_is_what_repeated_days_would_give() -> None:
    late, probability, day = sample(2)
    weights = resamples(DAYS, 3, seed=2)
    metrics = of_resamples(late, probability, day, weights)
    for number in (1, 2, 3):
        repeated = np.repeat(np.arange(len(late)), weights[number][day].astype(int))
        assert metrics["auc"][number] == pytest.approx(roc_auc_score(late[repeated], probability[repeated]), abs=1e-12)
        assert metrics["brier"][number] == pytest.approx(((probability - late)[repeated] ** 2).mean(), abs=1e-12)


def test_the_calibration_error_is_the_distance_of_the_reliability_table() -> None:
    late, probability, day = sample(3)
    error = of_resamples(late, probability, day, resamples(DAYS, 1, seed=3))["calibration_error"][0]
    rows = reliability(late, probability)
    by_hand = sum(each["rows"] * abs(each["predicted"] - each["late"]) for each in rows) / len(late)
    assert error == pytest.approx(by_hand, abs=1e-9)
    assert sum(each["rows"] for each in rows) == len(late)
    always = np.full(len(late), late.mean())
    assert of_resamples(late, always, day, resamples(DAYS, 1, seed=3))["calibration_error"][0] < 1e-12


def test_intervals_hold_what_they_promise_for_flights_that_are_late_together() -> None:
    """The true Brier score is that of very many days. Drawing flights instead of days holds it far too rarely."""
    truth = float(np.mean([((p - late) ** 2).mean() for late, p, _ in map(sample, range(1000, 1300))]))
    weights, held, held_by_flights = resamples(DAYS, 500, seed=4), 0, 0
    for seed in range(200):
        late, probability, day = sample(seed)
        interval = Interval.of(of_resamples(late, probability, day, weights)["brier"], 0.95)
        held += interval.low <= truth <= interval.high
        losses = (probability - late) ** 2
        half = 1.96 * losses.std() / np.sqrt(len(losses))
        held_by_flights += abs(losses.mean() - truth) <= half
    assert 0.88 <= held / 200 <= 0.99
    assert held_by_flights / 200 < 0.7


def test_a_slice_without_late_flights_has_no_auc_and_says_so() -> None:
    late, probability, day = sample(5)
    metrics = of_resamples(np.zeros_like(late), probability, day, resamples(DAYS, 1, seed=5))
    assert np.isnan(metrics["auc"]).all()
    assert metrics["brier"][0] == pytest.approx((probability**2).mean())
