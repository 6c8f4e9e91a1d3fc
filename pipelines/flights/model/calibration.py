"""Calibration: how much of what the trees say holds in a month that they have not seen.

Trees are too sure of themselves out of time: what they learn of one month holds less in the next. So the last months
of the training window are predicted by trees of the months before them, and the slope of the line that fits their
scores best says what part holds (about 0.8). Every leaf of the final trees is scaled by it, which is a line on the
score through the training window's share of late flights; the learner stays a learner like any other.

The level is not touched. How many flights will be late in the coming month is not in the data of the past ones, and
following the last month makes most months worse: docs/adr/20261123-calibration.md has the figures.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from pipelines.flights.columns import FEATURES, LABEL
from pipelines.flights.conf import LearnerConf
from pipelines.flights.model.learner import fit, known_values

DIGITS = 6  # of the slope: sums by other threads or processors differ far behind them, and the model's bytes must not


def slope_out_of_time(conf: LearnerConf, months: Mapping[str, pd.DataFrame]) -> float:
    """`months` are the training window's, in order. 1 when it is too short to leave a month out."""
    names = list(months)
    scores, labels, levels = [], [], []
    for number in range(max(1, len(names) - conf.calibration_months), len(names)):
        before = pd.concat([months[name] for name in names[:number]], ignore_index=True)
        month = months[names[number]]
        model = fit(conf, known_values(before), before)
        scores.append(model.decision_function(month[list(FEATURES)]))
        labels.append(month[LABEL].to_numpy())
        levels.append(np.full(len(month), number))
    if not scores:
        return 1.0
    level = np.concatenate(levels)
    # Each month has a level of its own, so that the slope is of the flights within it.
    line = np.column_stack([np.concatenate(scores), *(level == number for number in np.unique(level))])
    with threadpool_limits(1):
        fitted = LogisticRegression(C=np.inf, fit_intercept=False).fit(line, np.concatenate(labels))
    return round(float(fitted.coef_[0, 0]), DIGITS)


def scale(model: Pipeline, slope: float) -> None:
    """Changes the fitted `model` in place: scores move towards the training window's average by `slope`."""
    for (tree,) in model.named_steps["learner"]._predictors:
        tree.nodes["value"] *= slope
