"""The parts of the traffic in which a model must be good, too."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

SLICES: dict[str, Callable[[pd.DataFrame], "pd.Series[str]"]] = {
    "carrier": lambda frame: frame["carrier"],
    "origin": lambda frame: frame["origin"],
    "hour": lambda frame: (frame["scheduled_departure_minute"] // 60).map("{:02}".format),
}


def slices(frame: pd.DataFrame) -> Iterator[tuple[str, str, npt.NDArray[np.bool_]]]:
    """By what, which one, and which rows."""
    for by, value_of in SLICES.items():
        values = value_of(frame).to_numpy()
        for value in sorted(set(values)):
            yield by, str(value), values == value
