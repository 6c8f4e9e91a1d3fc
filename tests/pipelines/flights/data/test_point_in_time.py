"""No feature may know what was not known at the scheduled departure; planted leaks are caught."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from infra.contracts.pipelines import CHECKS_FILE, input_variable, output_variable
from pipelines.flights.columns import FEATURES, KEY, KNOWN_AT, LABEL, OUTCOME, SCHEDULE, SCHEDULED_AT
from pipelines.flights.conf import FlightsConf
from pipelines.flights.data import features as step_of_features
from pipelines.flights.data.contracts.features import Features
from pipelines.flights.data.contracts.labels import unmatched
from pipelines.flights.data.contracts.violations import violations
from pipelines.flights.data.features import broken, build, known_weather, month_of_features
from pipelines.flights.data.frames import read_frame
from pipelines.flights.data.raw import FLIGHTS
from pipelines.storage import Folder
from tests.support.flights_source import read_readings
from tests.support.training import Trained

pytestmark = pytest.mark.data

MONTH = "2013-02"
RAW, READINGS = f"flights/{MONTH}.parquet", f"weather/{MONTH}.parquet"
MEASURED = ("temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib")
CONF = FlightsConf.from_file()


@pytest.fixture
def raw(training: Trained) -> Folder:
    return training.artifact("raw")


@pytest.fixture
def features(training: Trained) -> pd.DataFrame:
    return training.artifact("features").read_table(f"{MONTH}.parquet").to_pandas()


def test_every_column_of_the_source_is_known_before_or_only_after() -> None:
    assert set(SCHEDULE).isdisjoint(OUTCOME)
    assert {*SCHEDULE, *OUTCOME} == set(FLIGHTS)


def test_what_the_pipeline_made_keeps_the_contract(features: pd.DataFrame) -> None:
    assert violations(Features, features, MONTH) == []


@pytest.mark.parametrize("column", [*OUTCOME, LABEL])
def test_a_column_of_the_outcome_is_refused(features: pd.DataFrame, column: str) -> None:
    found = violations(Features, features.assign(**{column: 0}), MONTH)
    assert [str(each) for each in found] == [f"{MONTH}: unknown column {column}"]


def test_weather_of_after_the_departure_is_refused(features: pd.DataFrame) -> None:
    leaking = features.copy()
    leaking.loc[[10, 11], KNOWN_AT] = leaking.loc[[10, 11], SCHEDULED_AT] + pd.Timedelta(minutes=1)
    found = [str(violation) for violation in violations(Features, leaking, MONTH)]
    assert len(found) == 1
    assert found[0].startswith(f"{MONTH}: weather was not known at the scheduled departure: 2 rows, such as row 10")


def test_weather_that_nobody_dated_is_refused(features: pd.DataFrame) -> None:
    leaking = features.copy()
    leaking.loc[10, KNOWN_AT] = pd.NaT
    assert "weather without the time" in str(violations(Features, leaking, MONTH)[0])


def test_every_flight_has_one_label_and_every_label_a_flight(features: pd.DataFrame, training: Trained) -> None:
    labels = training.artifact("labels").read_table(f"{MONTH}.parquet").to_pandas()
    assert unmatched(features, labels, MONTH) == []
    first, second = (" ".join(map(str, features.loc[row, list(KEY)])) for row in (0, 1))
    found = [str(each) for each in unmatched(features.drop(index=0), labels.drop(index=1), MONTH)]
    assert found == [
        f"{MONTH}: flights without a label: 1 rows, such as {second}",
        f"{MONTH}: labels of no flight: 1 rows, such as {first}",
    ]


def changed_by_the_future(raw: Folder) -> int:
    """How many of 1,000s of flights get other features when all that is known only after one moment is replaced by
    noise: the weather measured later, and every flight's own outcome. The features are those of the step's own code,
    whatever it is made to be."""
    moment = datetime(2013, 2, 14, 15, 45, tzinfo=UTC)  # late within an hour: a reading is due, and not taken yet
    readings = read_frame(raw, READINGS)
    noise = np.random.default_rng(1)
    later = pl.col("time_hour") + timedelta(minutes=51) > moment  # when the stations report
    noisy = readings.with_columns(
        pl.when(later).then(pl.Series(noise.uniform(0, 100, readings.height))).otherwise(pl.col(name)).alias(name)
        for name in MEASURED
    )
    made = []
    flights = read_frame(raw, RAW)
    for each, outcome in ((readings, {}), (noisy, {name: pl.col(name).reverse() for name in OUTCOME})):
        changed = flights.with_columns(**outcome)
        frame = step_of_features.build(
            changed, step_of_features.known_weather(each, CONF.wind_speed_mph_max), CONF.weather_age_hours_max
        )
        # Seen by the clock of the source and not by the frame's own, which a leak may have moved.
        departs = pl.col("time_hour") + pl.duration(minutes="minute")
        made.append(frame.filter(flights.select(departs <= moment).to_series()).select(FEATURES))
    assert made[0].height > 10_000
    rows = zip(made[0].iter_rows(), made[1].iter_rows(), strict=True)
    return sum(one != two for one, two in rows)


def test_the_future_changes_no_feature(raw: Folder) -> None:
    assert changed_by_the_future(raw) == 0


def _known(hours: int) -> Callable[[pl.DataFrame, float], pl.DataFrame]:
    return lambda readings, most: known_weather(readings, most).with_columns(pl.col(KNOWN_AT) + timedelta(hours=hours))


def _joined(**changed: str) -> Callable[[pl.DataFrame, pl.DataFrame, int], pl.DataFrame]:
    """`build` with another join."""

    def leaking(schedule: pl.DataFrame, weather: pl.DataFrame, hours: int) -> pl.DataFrame:
        real = pl.DataFrame.join_asof
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pl.DataFrame, "join_asof", lambda *args, **given: real(*args, **{**given, **changed}))
            return build(schedule, weather, hours)

    return leaking


def _renamed(outcome: str, feature: str) -> Callable[[pl.DataFrame, pl.DataFrame, int], pl.DataFrame]:
    """A column of the outcome under the name of an honest feature."""

    def leaking(schedule: pl.DataFrame, weather: pl.DataFrame, hours: int) -> pl.DataFrame:
        return build(schedule, weather, hours).with_columns(
            schedule[outcome].cast(pl.Int64).fill_null(0).alias(feature)
        )

    return leaking


LEAKS = {
    "the weather is known an hour early": {"known_weather": _known(-1)},
    "the weather is known four hours early": {"known_weather": _known(-4)},
    "the weather is joined forward": {"build": _joined(strategy="forward")},
    "the nearest weather is joined": {"build": _joined(strategy="nearest")},
    "the delay goes by another name": {"build": _renamed("dep_delay", "distance_miles")},
    "the real departure is called the scheduled one": {"build": _renamed("dep_time", "scheduled_departure_minute")},
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_caught(leak: str, raw: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them would make the model look better than it is; the check above sees each."""
    for name, code in LEAKS[leak].items():
        monkeypatch.setattr(step_of_features, name, code)
    assert changed_by_the_future(raw) > 0


def test_the_step_itself_refuses_what_is_joined_forward(raw: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_of_features, "build", _joined(strategy="forward"))
    weather = known_weather(read_frame(raw, READINGS), CONF.wind_speed_mph_max)
    made, labels, _ = month_of_features(raw, MONTH, weather, CONF)
    assert "weather was not known at the scheduled departure" in str(broken(made, labels, MONTH)[0])


def test_a_broken_contract_ends_the_step_with_a_verdict_that_failed(
    training: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first month of training is joined forward."""
    monkeypatch.setattr(step_of_features, "build", _joined(strategy="forward"))
    for name in ("raw", "quality"):
        monkeypatch.setenv(input_variable(name), training.uri(name))
    for name in ("features", "labels"):
        monkeypatch.setenv(output_variable(name), (tmp_path / name).as_uri())
    with pytest.raises(SystemExit) as ended:
        step_of_features.main()
    assert ended.value.code == 1
    (check,) = Folder.at((tmp_path / "labels").as_uri()).read_json(CHECKS_FILE)
    assert (check["name"], check["is_passed"]) == ("features.contract", False)
    assert check["summary"].startswith("2013-01: weather was not known at the scheduled departure: ")
    assert check["summary"] in capsys.readouterr().err


def test_a_month_of_which_nobody_knows_the_end_is_refused_in_words() -> None:
    nothing = pl.DataFrame()
    assert [str(each) for each in broken(nothing, nothing, MONTH)] == [f"{MONTH}: no flight has a label"]


def test_the_join_is_the_one_of_a_slow_and_obvious_search(features: pd.DataFrame) -> None:
    """For some flights of the month: look at all readings of the station, take the newest that was known."""
    whole_year = read_readings()
    readings = {station: [each for each in of if each.at.month <= 3] for station, of in whole_year.items()}
    sample = features.iloc[::97]
    assert len(sample) > 200
    for flight in sample.itertuples():
        departs = flight.scheduled_departure_at.to_pydatetime()
        known = [
            reading
            for reading in readings[flight.origin]
            if timedelta() <= departs - (reading.at + timedelta(hours=1)) <= timedelta(hours=6)
        ]
        newest = max(known, key=lambda reading: reading.at)
        assert flight.weather_known_at == newest.at + timedelta(hours=1)
        wind = newest.values["wind_speed"]
        expected = {**newest.values, "wind_speed": None if wind is None or wind > 253 else wind}
        found = [flight.temperature_f, flight.dew_point_f, flight.humidity_percent, flight.wind_speed_mph,
                 flight.precipitation_inches, flight.pressure_millibars, flight.visibility_miles]  # fmt: skip
        assert [None if np.isnan(value) else value for value in found] == [expected[name] for name in MEASURED]


def test_a_flight_gets_the_newest_reading_that_was_known() -> None:
    hours = [datetime(2013, 2, 1, hour, tzinfo=UTC) for hour in (8, 9, 10)]
    readings = pl.DataFrame(
        {
            "origin": ["JFK"] * 3,
            "time_hour": pl.Series(hours, dtype=pl.Datetime("ms", "UTC")),
            **{name: [1.0] * 3 for name in MEASURED},
            "temp": [8.0, 9.0, 10.0],
            "wind_speed": [5.0, 1048.4, 5.0],
        }
    )
    at = [(9, 59), (10, 0), (17, 0), (17, 1)]
    schedule = pl.DataFrame(
        {
            "year": 2013, "month": 2, "day": 1, "sched_dep_time": 459, "sched_arr_time": 2400, "carrier": "B6",
            "flight": range(4), "origin": "JFK", "dest": "BOS", "distance": 187, "hour": 4,
            "minute": [minute for _, minute in at],
            "time_hour": pl.Series([datetime(2013, 2, 1, hour, tzinfo=UTC) for hour, _ in at]),
        }
    )  # fmt: skip
    made = build(schedule, known_weather(readings, 253), weather_age_hours_max=6)
    # A reading older than six hours says nothing.
    assert made["temperature_f"].to_list() == [8.0, 9.0, 10.0, None]
    assert made["wind_speed_mph"].to_list()[1] is None, "no wind blows at 1,048 mph"
    assert made["day_of_week"].unique().to_list() == [5], "the first of February 2013 was a Friday"
    assert made.select("scheduled_departure_minute", "scheduled_arrival_minute").row(0) == (299, 1440)


def test_the_order_of_the_readings_changes_no_byte(raw: Folder) -> None:
    flights, readings = read_frame(raw, RAW), read_frame(raw, READINGS)
    shuffled = readings.sample(fraction=1, shuffle=True, seed=1)
    made = [build(flights, known_weather(each, 253), 6) for each in (readings, shuffled)]
    assert made[0].equals(made[1])


def test_features_of_the_future_are_in_no_file(training: Trained) -> None:
    names = training.artifact("features").read_table(f"{MONTH}.parquet").column_names
    assert set(names).isdisjoint({*OUTCOME, LABEL})
