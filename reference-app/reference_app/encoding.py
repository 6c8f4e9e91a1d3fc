"""From values by feature to the numbers that a model takes."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from reference_app.model_card import ModelCard, Value
from reference_app.scoring import FloatRows


class Encoder:
    """Made once a model, so that a value costs one look into a dictionary."""

    def __init__(self, card: ModelCard) -> None:
        self._columns = tuple(
            (feature, {value: float(index) for index, value in enumerate(card.categorical[feature])})
            if feature in card.categorical
            else (feature, None)
            for feature in card.features
        )

    def rows(self, values: Sequence[Mapping[str, Value]]) -> FloatRows:
        """Each of `values` has every feature of the card. None and unknown categories become NaN."""
        return np.array([self._row(each) for each in values], dtype=np.float64)

    def _row(self, values: Mapping[str, Value]) -> list[float | int | str | None]:
        # A missing number needs no care: numpy makes NaN of None.
        return [
            values[feature] if codes is None else codes.get(values[feature], math.nan)  # type: ignore[arg-type]
            for feature, codes in self._columns
        ]
