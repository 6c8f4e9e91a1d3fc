"""One month of labels."""

import pandas as pd
import pandera.pandas as pa

from pipelines.flights.columns import KEY
from pipelines.flights.data.contracts.flights import STATIONS
from pipelines.flights.data.contracts.violations import EXAMPLES, Violation


class Labels(pa.DataFrameModel):
    """Whether each flight came late, by its key and apart from its features: who reads features cannot see it."""

    year: int = pa.Field(ge=1987)
    month: int = pa.Field(ge=1, le=12)
    day: int = pa.Field(ge=1, le=31)
    carrier: str
    flight: int = pa.Field(ge=1)
    origin: str = pa.Field(isin=STATIONS)
    late: bool

    class Config:
        strict = True
        unique = list(KEY)  # noqa: RUF012 - pandera reads it from here


def unmatched(features: pd.DataFrame, labels: pd.DataFrame, partition: str) -> list[Violation]:
    """Every flight has a label, and every label is of a flight."""
    keys = [pd.MultiIndex.from_frame(frame[list(KEY)]) for frame in (features, labels)]
    rules = (
        ("flights without a label", keys[0].difference(keys[1])),
        ("labels of no flight", keys[1].difference(keys[0])),
    )
    return [
        Violation(partition, rule, len(missing), "; ".join(" ".join(map(str, key)) for key in missing[:EXAMPLES]))
        for rule, missing in rules
        if len(missing)
    ]
