"""One exact model: verified, then loaded, then tried once before anybody is answered."""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import joblib
import pandas as pd
import sklearn
from pydantic import ValidationError

from infra.contracts.bundle import BundleError, fetch
from infra.contracts.errors import HighwayError
from reference_app.features import underivable
from reference_app.model_card import ModelCard, Value

CARD_FILE, CLASSIFIER_FILE = "model.json", "model.joblib"


class ModelRefusedError(HighwayError):
    """The model cannot be served; one line with what to do."""


class Classifier(Protocol):
    """A fitted scikit-learn classifier of 0 (on time) and 1 (late), over a DataFrame of raw features."""

    classes_: Any

    def predict_proba(self, rows: pd.DataFrame) -> Any: ...


@dataclass(frozen=True)
class Model:
    """`typical_probability` is the answer for the row of typical values, what an explanation compares to."""

    card: ModelCard
    version: str
    digest: str
    classifier: Classifier
    typical_probability: float

    def probabilities(self, rows: Sequence[Mapping[str, Value]]) -> list[float]:
        """The probability of being late, for each row; in one call because its cost hardly grows with rows."""
        return _late(self.classifier, self.card, rows)


def load_model(store: Path, digest: str, version: str) -> Model:
    """Raises `ModelRefusedError`. Nothing is unpickled before the bytes are known to be those of `digest`."""
    try:
        files = fetch(store, digest)
        card = ModelCard.model_validate_json(files[CARD_FILE])
        pickled = files[CLASSIFIER_FILE]
    except BundleError as error:
        raise ModelRefusedError(str(error)) from error
    except KeyError as error:
        raise ModelRefusedError(f"bundle {digest} has no {error}: it is not a model, choose another digest") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors())
        raise ModelRefusedError(f"{CARD_FILE} of {digest} cannot be used ({problems}): register it again") from error
    if card.sklearn != sklearn.__version__:
        # scikit-learn promises nothing about a pickle of another version, not even an error.
        raise ModelRefusedError(
            f"model {digest} was trained with scikit-learn {card.sklearn} and this is {sklearn.__version__}: "
            "train it again, or run the app with that version"
        )
    if unknown := underivable(card.features):
        raise ModelRefusedError(
            f"model {digest} needs {', '.join(unknown)}, which no request supplies: release a newer app first"
        )
    return Model(card, version, digest, *_tried(pickled, card, digest))


def _tried(pickled: bytes, card: ModelCard, digest: str) -> tuple[Classifier, float]:
    """The classifier and its answer for the typical row, which also warms what the first request would wait for."""
    try:
        classifier: Classifier = joblib.load(io.BytesIO(pickled))
        classes = [int(label) for label in classifier.classes_]
        (probability,) = _late(classifier, card, [card.reference])
    # Whatever a foreign pickle raises, it is a model that cannot be served.
    except Exception as error:
        raise ModelRefusedError(f"model {digest} does not predict ({error!r}): register it again") from error
    if classes != [0, 1] or not 0 <= probability <= 1:
        raise ModelRefusedError(
            f"model {digest} has classes {classes} and answers {probability}: expected a classifier of 0 and 1"
        )
    return classifier, probability


def _late(classifier: Classifier, card: ModelCard, rows: Sequence[Mapping[str, Value]]) -> list[float]:
    columns = {
        # None would make a one-row column an object column, which the model was not trained on.
        feature: [math.nan if row[feature] is None else row[feature] for row in rows]
        for feature in card.features
    }
    return [float(probability) for probability in classifier.predict_proba(pd.DataFrame(columns))[:, 1]]
