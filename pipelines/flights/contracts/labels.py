"""One month of labels."""

import pandera.pandas as pa

from pipelines.flights.columns import KEY
from pipelines.flights.contracts.flights import STATIONS


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
