"""Scoring with scikit-learn: for bundles that have no ONNX file, or one that cannot be trusted.

The only module of the app that needs scikit-learn, joblib and pandas, and so imported only when it is needed:
they cost a second of the start and a hundred MiB.
"""

import io
import math
from typing import Any, Protocol

import joblib
import pandas as pd
import sklearn

from reference_app.model_card import ModelCard
from reference_app.scoring import FloatRows, Probabilities, ScorerError


class Classifier(Protocol):
    """A fitted scikit-learn classifier of 0 (on time) and 1 (late), over a DataFrame of raw features."""

    classes_: Any

    def predict_proba(self, rows: pd.DataFrame) -> Any: ...


class SklearnScorer:
    path = "scikit-learn"

    def __init__(self, pickled: bytes, card: ModelCard) -> None:
        """Only for verified bytes: loading runs what they say. Raises `ScorerError`."""
        if card.sklearn != sklearn.__version__:
            # scikit-learn promises nothing about a pickle of another version, not even an error.
            raise ScorerError(
                f"was trained with scikit-learn {card.sklearn} and this is {sklearn.__version__}: "
                "train it again, or run the app with that version"
            )
        try:
            self._classifier: Classifier = joblib.load(io.BytesIO(pickled))
            classes = [int(label) for label in self._classifier.classes_]
        # Whatever a foreign pickle raises, it is a model that cannot be served.
        except Exception as error:
            raise ScorerError(f"does not predict ({error!r}): register it again") from error
        if classes != [0, 1]:
            raise ScorerError(f"has classes {classes}: expected a classifier of 0 and 1")
        self._columns = tuple((feature, card.categorical.get(feature)) for feature in card.features)

    def score(self, rows: FloatRows) -> Probabilities:
        frame = pd.DataFrame(
            {
                feature: column if values is None else [_value(values, index) for index in column.tolist()]
                for (feature, values), column in zip(self._columns, rows.T, strict=True)
            }
        )
        late: Probabilities = self._classifier.predict_proba(frame)[:, 1]
        return late


def _value(values: tuple[str | int, ...], index: float) -> str | int | float:
    return index if math.isnan(index) else values[int(index)]
