"""Raw data: its two kinds, the types of their columns, and what identifies a row."""

from dataclasses import dataclass

import pyarrow as pa

from pipelines.flights.columns import KEY

_SMALL, _WORD, _REAL = pa.int16(), pa.string(), pa.float64()
_HOUR = pa.timestamp("ms", tz="UTC")

# Hours and minutes are written as one number: 517 is 05:17.
FLIGHTS = {
    "year": _SMALL, "month": _SMALL, "day": _SMALL,
    "dep_time": _SMALL, "sched_dep_time": _SMALL, "dep_delay": _SMALL,
    "arr_time": _SMALL, "sched_arr_time": _SMALL, "arr_delay": _SMALL,
    "carrier": _WORD, "flight": _SMALL, "tailnum": _WORD, "origin": _WORD, "dest": _WORD,
    "air_time": _SMALL, "distance": _SMALL, "hour": _SMALL, "minute": _SMALL, "time_hour": _HOUR,
}  # fmt: skip
WEATHER = {
    "origin": _WORD, "year": _SMALL, "month": _SMALL, "day": _SMALL, "hour": _SMALL,
    "temp": _REAL, "dewp": _REAL, "humid": _REAL, "wind_dir": _REAL, "wind_speed": _REAL, "wind_gust": _REAL,
    "precip": _REAL, "pressure": _REAL, "visib": _REAL, "time_hour": _HOUR,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Kind:
    """`key` identifies a row; a partition's rows are in its order."""

    types: dict[str, pa.DataType]
    key: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        return pa.schema(self.types)


KINDS = {
    "flights": Kind(types=FLIGHTS, key=KEY),
    "weather": Kind(types=WEATHER, key=("origin", "time_hour")),
}


def partition(kind: str, month: str) -> str:
    """Name of the file that holds a month (YYYY-MM)."""
    return f"{kind}/{month}.parquet"
