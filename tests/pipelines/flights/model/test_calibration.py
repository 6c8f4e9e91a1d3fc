"""Calibration: the slope of months that trees have not seen, and leaves that follow it."""

import numpy as np
import pandas as pd
import pytest

from pipelines.flights.columns import FEATURES
from pipelines.flights.conf import FlightsConf, LearnerConf
from pipelines.flights.dataset import read_dataset
from pipelines.flights.model.calibration import scale, slope_out_of_time
from pipelines.flights.model.learner import fit, known_values
from tests.support.training import Trained

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def months(training: Trained) -> dict[str, pd.DataFrame]:
    features, labels = training.artifact("features"), training.artifact("labels")
    return {month: read_dataset(features, labels, [month]).head(5000) for month in ("2013-01", "2013-02", "2013-03")}


def learner(**changes: float) -> LearnerConf:
    return FlightsConf.from_file().learner.model_copy(update={"iterations": 15, "threads": 1, **changes})


def test_scores_move_along_a_line_through_the_average(months: dict[str, pd.DataFrame]) -> None:
    frame = months["2013-01"]
    model = fit(learner(), known_values(frame), frame)
    before = model.decision_function(frame[list(FEATURES)])
    scale(model, 0.5)
    average = float(np.log(frame["late"].mean() / (1 - frame["late"].mean())))
    expected = average + 0.5 * (before - average)
    assert np.abs(model.decision_function(frame[list(FEATURES)]) - expected).max() < 1e-9


def test_trees_that_learn_by_heart_hold_less_out_of_time(months: dict[str, pd.DataFrame]) -> None:
    careful = slope_out_of_time(learner(), months)
    by_heart = slope_out_of_time(learner(learning_rate=0.5, leaf_nodes_max=60, leaf_rows_min=1), months)
    assert 0 < by_heart < 0.6 < careful


def test_a_window_of_one_month_leaves_the_trees_as_they_are(months: dict[str, pd.DataFrame]) -> None:
    assert slope_out_of_time(learner(), {"2013-01": months["2013-01"]}) == 1.0
    assert slope_out_of_time(learner(calibration_months=0), months) == 1.0


def test_the_level_of_a_month_does_not_move_the_slope(months: dict[str, pd.DataFrame]) -> None:
    """Twice as many late flights in the month that is predicted, of whatever kind: the same slope, or nearly."""
    last = months["2013-03"]
    stormy = {**months, "2013-03": pd.concat([last, last[last["late"]]], ignore_index=True)}
    assert slope_out_of_time(learner(), stormy) == pytest.approx(slope_out_of_time(learner(), months), abs=0.08)


def test_the_registered_model_is_calibrated(training: Trained) -> None:
    slope = training.artifact("model").read_json("training.json")["calibration_slope"]
    assert 0.6 < slope < 1
