"""Trees written as ONNX answer what scikit-learn answers, on data made to reach every kind of split."""

import numpy as np
import numpy.typing as npt
import onnxruntime
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from pipelines.flights.model.onnx_export import INPUT, OUTPUT, ExportError, to_onnx

ROWS, CODES = 4000, 90
COLUMNS = ["wind", "place", "kind", "rain"]
FEATURES = ["rain", "kind", "wind", "place"]  # the graph's order is not the learner's
CATEGORICAL = {"place": list(range(CODES)), "kind": ["a", "b", "c"]}
UNSEEN = (5, 88, 89)

pytestmark = pytest.mark.model


def data(seed: int = 1) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    random = np.random.default_rng(seed)
    wind = random.normal(10, 4, ROWS).round(1)
    place = random.integers(0, CODES, ROWS).astype(float)
    kind = random.integers(0, 3, ROWS).astype(float)
    rain = random.exponential(1, ROWS).round(2)
    score = 0.3 * (wind - 10) + np.sin(place) + (kind == 1) + np.where(rain > 1, 1.0, -0.5)
    for column in (wind, place, kind, rain):
        column[random.random(ROWS) < 0.1] = np.nan
    return np.column_stack([wind, place, kind, rain]), score + random.logistic(size=ROWS) > 0


def fitted(**settings: object) -> HistGradientBoostingClassifier:
    rows, labels = data()
    seen = ~np.isin(rows[:, 1], UNSEEN)
    learner = HistGradientBoostingClassifier(max_iter=25, categorical_features=[1, 2], random_state=1, **settings)
    return learner.fit(rows[seen], labels[seen])


def answers(content: bytes, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    frame = pd.DataFrame(rows, columns=COLUMNS)[FEATURES].to_numpy(np.float32)
    (answer,) = session.run([OUTPUT], {INPUT: frame})
    assert answer.shape == (len(rows), 1)
    return np.asarray(answer[:, 0], dtype=np.float64)


@pytest.mark.parametrize("settings", [{}, {"max_leaf_nodes": 3}, {"min_samples_leaf": ROWS}], ids=str)
def test_every_row_gets_the_probability_of_scikit_learn(settings: dict[str, int]) -> None:
    """The last has trees of a single leaf; codes that the learner never saw and missing values are among the rows."""
    learner, (rows, _) = fitted(**settings), data(seed=2)
    given = answers(to_onnx(learner, COLUMNS, FEATURES, CATEGORICAL), rows)
    assert np.isin(rows[:, 1], UNSEEN).sum() > 50
    assert np.isnan(rows).any(axis=1).sum() > 1000
    assert np.abs(given - learner.predict_proba(rows)[:, 1]).max() < 1e-6


def test_the_same_learner_gives_the_same_bytes() -> None:
    one, two = (to_onnx(fitted(), COLUMNS, FEATURES, CATEGORICAL) for _ in range(2))
    assert one == two


def test_what_cannot_be_exported_is_refused() -> None:
    rows, labels = data()
    with pytest.raises(ExportError, match="they must be the same"):
        to_onnx(fitted(), COLUMNS, ["rain"], CATEGORICAL)
    logistic = LogisticRegression().fit(np.nan_to_num(rows), labels)
    three = HistGradientBoostingClassifier(max_iter=2).fit(rows, np.arange(ROWS) % 3)
    for learner in (logistic, three):
        with pytest.raises(ExportError, match="use HistGradientBoostingClassifier, with two classes"):
            to_onnx(learner, COLUMNS, FEATURES, CATEGORICAL)
