"""What raw data is refused for, and that a person can find the place."""

import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines.flights.conf import FlightsConf
from pipelines.flights.data.receipt import Receipt
from pipelines.flights.data.validate import check
from pipelines.storage import Folder
from tests.support.training import Trained

pytestmark = pytest.mark.data

JANUARY, FEBRUARY = "flights/2013-01.parquet", "flights/2013-02.parquet"
WEATHER = "weather/2013-02.parquet"
TWO_MONTHS = {
    "first_month": "2013-01",
    "last_month": "2013-02",
    "train_first_month": "2013-01",
    "train_last_month": "2013-01",
    "holdout_month": "2013-02",
}


@pytest.fixture
def conf() -> FlightsConf:
    return FlightsConf.model_validate({**FlightsConf.from_file().model_dump(), **TWO_MONTHS})


@pytest.fixture
def raw(training: Trained, tmp_path: Path) -> Path:
    """A copy of two good months, free to be harmed."""
    source = Path(urlsplit(training.uri("raw")).path)
    for name in (JANUARY, FEBRUARY, "weather/2013-01.parquet", WEATHER):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(source / name, tmp_path / name)
    return tmp_path


def problems(raw: Path, conf: FlightsConf) -> list[str]:
    found = check(Folder.at(raw.as_uri()), Receipt(files={}, partitions={}), conf)
    return [str(each) for kinds in found.values() for findings in kinds.values() for each in findings.violations]


def with_value(table: pa.Table, column: str, row: int, value: object) -> pa.Table:
    index = table.schema.get_field_index(column)
    values = table[column].to_pylist()
    values[row] = value
    return table.set_column(index, table.schema.field(column), pa.array(values, table.schema.field(column).type))


def test_good_data_has_no_problem(raw: Path, conf: FlightsConf) -> None:
    assert problems(raw, conf) == []


Harm = Callable[[pa.Table], pa.Table]
HARMS: dict[str, tuple[str, Harm, str]] = {
    "a flight twice": (
        FEBRUARY,
        lambda table: pa.concat_tables([table, table.slice(5, 1)]),
        "2013-02.parquet: the same key more than once: 2 rows",
    ),
    "an airport that is none of ours": (
        FEBRUARY,
        lambda table: with_value(table, "origin", 7, "BOS"),
        "origin is none of 'EWR', 'JFK', 'LGA': 1 rows, such as row 7 (BOS)",
    ),
    "a time that no clock shows": (
        FEBRUARY,
        lambda table: with_value(table, "arr_time", 7, 1275),
        "arr_time is no time of day as HHMM: 1 rows, such as row 7 (1275)",
    ),
    "a schedule that contradicts itself": (
        FEBRUARY,
        lambda table: with_value(table, "minute", 9, (table["minute"][9].as_py() + 1) % 60),
        "scheduled departure is not its hour and minute: 1 rows, such as row 9",
    ),
    "an arrival without a departure": (
        FEBRUARY,
        lambda table: with_value(table, "dep_time", 3, None),
        "arrived without having departed: 1 rows, such as row 3",
    ),
    "a delay of a week": (
        FEBRUARY,
        lambda table: with_value(table, "arr_delay", 2, 10_080),
        "arr_delay is above 2880: 1 rows, such as row 2 (10080)",
    ),
    "a column that nobody described": (
        FEBRUARY,
        lambda table: table.append_column("delay_reason", pa.nulls(table.num_rows, pa.string())),
        "2013-02.parquet: unknown column delay_reason",
    ),
    "a column that is gone": (FEBRUARY, lambda table: table.drop_columns(["dest"]), "missing column dest"),
    "a column of another type": (
        FEBRUARY,
        lambda table: table.set_column(
            table.schema.get_field_index("distance"), "distance", pc.cast(table["distance"], pa.string())
        ),
        "distance is no Int16, got str",
    ),
    "a row of another month": (
        FEBRUARY,
        lambda table: with_value(table, "month", 4, 1),
        "rows of another month: 1 rows, such as row 4",
    ),
    "half a month": (
        FEBRUARY,
        lambda table: table.slice(0, 12_000),
        "holds 12,000 rows, expected 20,000 to 36,000",
    ),
    "a reading twice": (
        WEATHER,
        lambda table: pa.concat_tables([table, table.slice(5, 1)]),
        "weather/2013-02.parquet: the same key more than once: 2 rows",
    ),
    "a pressure that is none": (
        WEATHER,
        lambda table: with_value(table, "pressure", 1, 0.0),
        "pressure is below 870: 1 rows, such as row 1 (0.0)",
    ),
    "a broken anemometer": (
        WEATHER,
        lambda table: with_value(with_value(table, "wind_speed", 1, 999.0), "wind_speed", 2, 999.0),
        # one such reading is in the source, on the twelfth of February
        "wind_speed above 253 mph: 3 rows, such as row 1",
    ),
}  # fmt: skip


def without_values(table: pa.Table, column: str) -> pa.Table:
    field = table.schema.field(column)
    return table.set_column(table.schema.get_field_index(column), field, pa.nulls(len(table), field.type))


def as_words(table: pa.Table, column: str) -> pa.Table:
    return table.set_column(table.schema.get_field_index(column), column, pc.cast(table[column], pa.string()))


@pytest.mark.parametrize(
    ("name", "column", "change"),
    [
        (FEBRUARY, "day", without_values),
        (FEBRUARY, "day", as_words),
        (WEATHER, "day", without_values),
        (WEATHER, "wind_speed", as_words),
    ],
)
def test_a_column_that_later_rules_need_is_refused_and_ends_nothing(
    raw: Path, conf: FlightsConf, name: str, column: str, change: Callable[[pa.Table, str], pa.Table]
) -> None:
    pq.write_table(change(pq.read_table(raw / name), column), raw / name)
    found = problems(raw, conf)
    assert any(problem.startswith(f"{name}: {column} is ") for problem in found), found
    assert all(problem.startswith(name) for problem in found), "only the harmed partition is named"


@pytest.mark.parametrize("harm", HARMS)
def test_bad_data_is_refused_with_its_place(raw: Path, conf: FlightsConf, harm: str) -> None:
    name, change, expected = HARMS[harm]
    pq.write_table(change(pq.read_table(raw / name)), raw / name)
    found = problems(raw, conf)
    assert any(expected in problem for problem in found), found
    assert all(problem.startswith(name) for problem in found), "only the harmed partition is named"


def test_a_cut_file_is_refused(raw: Path, conf: FlightsConf) -> None:
    (raw / FEBRUARY).write_bytes((raw / FEBRUARY).read_bytes()[:-100])
    assert problems(raw, conf)[0].startswith(f"{FEBRUARY}: not a whole Parquet file")


def test_a_missing_and_a_foreign_month_are_refused(raw: Path, conf: FlightsConf) -> None:
    (raw / FEBRUARY).rename(raw / "flights" / "2014-02.parquet")
    assert problems(raw, conf) == [
        f"{FEBRUARY}: the month is missing",
        "flights/2014-02.parquet: not a month from 2013-01 to 2013-02",
        "weather/2014-02.parquet: not a month from 2013-01 to 2013-02",
    ]


def test_an_airport_without_weather_is_named(raw: Path, conf: FlightsConf) -> None:
    table = pq.read_table(raw / WEATHER)
    pq.write_table(table.filter(pc.not_equal(table["origin"], "LGA")), raw / WEATHER)
    (found,) = problems(raw, conf.model_copy(update={"weather_rows_min": 1}))
    assert found.startswith(f"{WEATHER}: no reading of LGA, where ")


@pytest.mark.parametrize(("name", "day"), [(FEBRUARY, 28), (WEATHER, 27)])
def test_a_window_whose_end_is_not_reached_is_stale(raw: Path, conf: FlightsConf, name: str, day: int) -> None:
    """Weather may end a day before flights do, as it does in the sample."""
    table = pq.read_table(raw / name)
    stale = conf.model_copy(update={"month_rows_min": 1, "weather_rows_min": 1})
    for last, expected in ((day, []), (day - 1, [f"{name}: its newest row is of day {day - 1}, expected day {day}"])):
        pq.write_table(table.filter(pc.less_equal(table["day"], last)), raw / name)
        found = problems(raw, stale)
        assert [each[: len(start)] for each, start in zip(found, expected, strict=True)] == expected


def test_only_the_last_month_must_be_fresh(raw: Path, conf: FlightsConf) -> None:
    table = pq.read_table(raw / JANUARY)
    pq.write_table(table.filter(pc.less(table["day"], 31)), raw / JANUARY)
    assert problems(raw, conf) == []
