"""Parity: the exported model answers what the fitted one answers."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.flights.columns import CATEGORICAL, FEATURES

TOLERANCE = 1e-5
DIGITS = 9  # far more than are compared, and fewer than differ between processors
SAMPLE = 64  # rows of the held-out month; those made of the first one to hold what it lacks come on top
UNKNOWN = "??"  # no carrier or airport has this code


def sample(held_out: pd.DataFrame) -> pd.DataFrame:
    """Rows across the whole month, and the first with each value missing, or unknown, in turn."""
    spread = held_out[list(FEATURES)].iloc[np.linspace(0, len(held_out) - 1, SAMPLE).astype(int)]
    first = spread.iloc[[0]]
    strange = [first.assign(**{name: UNKNOWN if name in CATEGORICAL else np.nan}) for name in FEATURES]
    return pd.concat([spread.astype({name: float for name in FEATURES if name not in CATEGORICAL}), *strange])


def as_json(rows: pd.DataFrame, probability: npt.NDArray[np.float64]) -> dict[str, Any]:
    """What the app checks at load: raw values in the order of the card's features, None where one is missing."""
    values = rows.astype(object).where(rows.notna(), None)
    return {
        "tolerance": TOLERANCE,
        "rows": values[list(FEATURES)].to_numpy().tolist(),
        "probabilities": probability.round(DIGITS).tolist(),
    }
