"""One month of features."""

from typing import Any

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from pipelines.flights.columns import KEY, KNOWN_AT, SCHEDULED_AT
from pipelines.flights.data.contracts.flights import MINUTES_A_DAY, STATIONS

_MINUTE_OF_DAY: dict[str, Any] = {"ge": 0, "le": MINUTES_A_DAY}


class Features(pa.DataFrameModel):
    """Strict, so a column that is not known before the departure cannot slip in under a new name; and no row may
    hold weather of after its scheduled departure."""

    year: int = pa.Field(ge=1987)
    flight: int = pa.Field(ge=1)
    day: int = pa.Field(ge=1, le=31)
    scheduled_departure_at: Series[pd.DatetimeTZDtype] = pa.Field(dtype_kwargs={"unit": "ms", "tz": "UTC"})
    weather_known_at: Series[pd.DatetimeTZDtype] = pa.Field(nullable=True, dtype_kwargs={"unit": "ms", "tz": "UTC"})

    month: int = pa.Field(ge=1, le=12)
    day_of_week: int = pa.Field(ge=1, le=7, description="Monday is 1")
    scheduled_departure_minute: int = pa.Field(**_MINUTE_OF_DAY, description="of the local day")
    scheduled_arrival_minute: int = pa.Field(**_MINUTE_OF_DAY, description="of the local day")
    carrier: str
    origin: str = pa.Field(isin=STATIONS)
    destination: str
    distance_miles: int = pa.Field(ge=1)
    temperature_f: float = pa.Field(nullable=True, ge=-60, le=130)
    dew_point_f: float = pa.Field(nullable=True, ge=-80, le=100)
    humidity_percent: float = pa.Field(nullable=True, ge=0, le=100)
    wind_speed_mph: float = pa.Field(nullable=True, ge=0)
    precipitation_inches: float = pa.Field(nullable=True, ge=0, le=12)
    pressure_millibars: float = pa.Field(nullable=True, ge=870, le=1085)
    visibility_miles: float = pa.Field(nullable=True, ge=0, le=100)

    class Config:
        strict = True
        unique = list(KEY)  # noqa: RUF012 - pandera reads it from here

    @pa.dataframe_check(name="weather was not known at the scheduled departure")
    @classmethod
    def _point_in_time(cls, frame: pd.DataFrame) -> "pd.Series[bool]":
        return frame[KNOWN_AT].isna() | (frame[KNOWN_AT] <= frame[SCHEDULED_AT])

    @pa.dataframe_check(name="weather without the time at which it was known")
    @classmethod
    def _weather_is_dated(cls, frame: pd.DataFrame) -> "pd.Series[bool]":
        weather = frame[["temperature_f", "wind_speed_mph", "precipitation_inches", "visibility_miles"]]
        return frame[KNOWN_AT].notna() | weather.isna().all(axis="columns")
