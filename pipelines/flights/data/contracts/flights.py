"""One month of raw flights."""

from typing import Any

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from pipelines.flights.columns import KEY

STATIONS = ("EWR", "JFK", "LGA")
MINUTES_A_DAY = 24 * 60
# The longest delays on record at the source are under two days; an aircraft leaves hours early at the most.
DELAY: dict[str, Any] = {"ge": -3 * 60, "le": 2 * MINUTES_A_DAY}


def is_clock(hhmm: Series[pd.Int16Dtype]) -> "pd.Series[bool]":
    """517 is 05:17; midnight is 0 or 2400."""
    return hhmm.between(0, 2400) & (hhmm % 100 < 60)


class RawFlights(pa.DataFrameModel):
    """Strict: a column that nobody described is refused, because nobody said when it is known."""

    year: pd.Int16Dtype = pa.Field(ge=1987, description="the source's first year")
    month: pd.Int16Dtype = pa.Field(ge=1, le=12)
    day: pd.Int16Dtype = pa.Field(ge=1, le=31)
    dep_time: pd.Int16Dtype = pa.Field(nullable=True)
    sched_dep_time: pd.Int16Dtype
    dep_delay: pd.Int16Dtype = pa.Field(nullable=True, **DELAY)
    arr_time: pd.Int16Dtype = pa.Field(nullable=True)
    sched_arr_time: pd.Int16Dtype
    arr_delay: pd.Int16Dtype = pa.Field(nullable=True, **DELAY)
    carrier: str = pa.Field(str_matches=r"^[A-Z0-9]{2}$")
    flight: pd.Int16Dtype = pa.Field(ge=1, le=9999)
    tailnum: str = pa.Field(nullable=True)
    origin: str = pa.Field(isin=STATIONS)
    dest: str = pa.Field(str_matches=r"^[A-Z]{3}$")
    air_time: pd.Int16Dtype = pa.Field(nullable=True, ge=1, le=MINUTES_A_DAY)
    distance: pd.Int16Dtype = pa.Field(ge=1, le=10_000, description="miles; half the earth's girth is 12,450")
    hour: pd.Int16Dtype = pa.Field(ge=0, le=23)
    minute: pd.Int16Dtype = pa.Field(ge=0, le=59)
    time_hour: Series[pd.DatetimeTZDtype] = pa.Field(dtype_kwargs={"unit": "ms", "tz": "UTC"})

    class Config:
        strict = True
        unique = list(KEY)  # noqa: RUF012 - pandera reads it from here

    @pa.check("dep_time", "sched_dep_time", "arr_time", "sched_arr_time", name="is no time of day as HHMM")
    @classmethod
    def _clock(cls, hhmm: Series[pd.Int16Dtype]) -> "pd.Series[bool]":
        return is_clock(hhmm)

    @pa.dataframe_check(name="scheduled departure is not its hour and minute")
    @classmethod
    def _schedule_agrees(cls, frame: pd.DataFrame) -> "pd.Series[bool]":
        return frame["hour"] * 100 + frame["minute"] == frame["sched_dep_time"]

    @pa.dataframe_check(name="arrived without having departed")
    @classmethod
    def _arrival_follows_departure(cls, frame: pd.DataFrame) -> "pd.Series[bool]":
        return frame["arr_delay"].isna() | (frame["dep_time"].notna() & frame["arr_time"].notna())
