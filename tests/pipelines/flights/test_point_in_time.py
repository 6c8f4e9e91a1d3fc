"""No feature may know what was not known at the scheduled departure; planted leaks are caught."""

import numpy as np
import pandas as pd
import pytest

from pipelines.flights.columns import FEATURES, KNOWN_AT, OUTCOME, SCHEDULE, SCHEDULED_AT
from pipelines.flights.conf import FlightsConf
from pipelines.flights.contracts.features import Features
from pipelines.flights.contracts.violations import violations
from pipelines.flights.features import build, known_weather
from pipelines.flights.ingest import FLIGHTS
from pipelines.flights.validate import read_raw
from tests.support.training import Trained

MONTH = "2013-02"


@pytest.fixture
def features(training: Trained) -> pd.DataFrame:
    return training.artifact("features").read_table(f"{MONTH}.parquet").to_pandas()


@pytest.fixture
def schedule(training: Trained) -> pd.DataFrame:
    return read_raw(training.artifact("raw"), f"flights/{MONTH}.parquet", list(SCHEDULE))


@pytest.fixture
def readings(training: Trained) -> pd.DataFrame:
    return read_raw(training.artifact("raw"), f"weather/{MONTH}.parquet")


def test_every_column_of_the_source_is_known_before_or_only_after() -> None:
    assert set(SCHEDULE).isdisjoint(OUTCOME)
    assert {*SCHEDULE, *OUTCOME} == set(FLIGHTS)


def test_what_the_pipeline_made_keeps_the_contract(features: pd.DataFrame) -> None:
    assert violations(Features, features, MONTH) == []


def test_a_column_of_the_outcome_is_refused(features: pd.DataFrame, training: Trained) -> None:
    delay = read_raw(training.artifact("raw"), f"flights/{MONTH}.parquet", ["dep_delay"])["dep_delay"].dropna()
    leaking = features.assign(dep_delay=delay.to_numpy()[: len(features)])
    assert [str(found) for found in violations(Features, leaking, MONTH)] == [f"{MONTH}: unknown column dep_delay"]


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


def changed_by_the_future(schedule: pd.DataFrame, readings: pd.DataFrame, hours_to_know: int, conf: FlightsConf) -> int:
    """How many flights get other features when all that is measured after one moment is replaced by noise."""
    moment = pd.Timestamp("2013-02-14T15:00:00Z")
    future = readings["time_hour"] + pd.Timedelta(minutes=51) > moment  # when the stations report
    noisy = readings.copy()
    random = np.random.default_rng(1)
    for column in ("temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"):
        noisy.loc[future, column] = random.uniform(0, 100, int(future.sum()))
    made = []
    for each in (readings, noisy):
        weather = known_weather(each, conf.wind_speed_mph_max)
        weather[KNOWN_AT] += pd.Timedelta(hours=hours_to_know - 1)
        frame = build(schedule, weather, conf.weather_age_hours_max)
        made.append(frame.loc[frame[SCHEDULED_AT] <= moment, list(FEATURES)])
    assert len(made[0]) > 10_000
    return int((made[0].compare(made[1]).index.size) if not made[0].equals(made[1]) else 0)


def test_the_future_changes_no_feature(schedule: pd.DataFrame, readings: pd.DataFrame) -> None:
    assert changed_by_the_future(schedule, readings, 1, FlightsConf.from_file()) == 0


@pytest.mark.parametrize("hours_to_know", [0, -3])
def test_weather_joined_by_its_hour_would_leak(
    schedule: pd.DataFrame, readings: pd.DataFrame, hours_to_know: int
) -> None:
    """The leak that the delay of an hour prevents, planted: the check above would have seen it."""
    assert changed_by_the_future(schedule, readings, hours_to_know, FlightsConf.from_file()) > 0


def test_a_flight_gets_the_newest_reading_that_was_known() -> None:
    readings = pd.DataFrame(
        {
            "origin": "JFK",
            "time_hour": pd.to_datetime(["2013-02-01T08:00Z", "2013-02-01T09:00Z", "2013-02-01T10:00Z"]).as_unit("ms"),
            **dict.fromkeys(("dewp", "humid", "precip", "pressure", "visib"), 1.0),
            "temp": [8.0, 9.0, 10.0],
            "wind_speed": [5.0, 1048.4, 5.0],
        }
    )
    departures = ["2013-02-01T09:59Z", "2013-02-01T10:00Z", "2013-02-01T17:00Z", "2013-02-01T17:01Z"]
    at = pd.to_datetime(departures)
    schedule = pd.DataFrame(
        {
            "year": 2013, "month": 2, "day": 1, "sched_dep_time": 459, "sched_arr_time": 2400, "carrier": "B6",
            "flight": range(4), "origin": "JFK", "dest": "BOS", "distance": 187, "hour": 4,
            "minute": at.minute, "time_hour": at.floor("h").as_unit("ms"),
        }
    )  # fmt: skip
    made = build(schedule, known_weather(readings, 253), weather_age_hours_max=6)
    assert made["temperature_f"].tolist()[:3] == [8.0, 9.0, 10.0]
    assert np.isnan(made["temperature_f"].iloc[3]), "a reading older than six hours says nothing"
    assert np.isnan(made["wind_speed_mph"].iloc[1]), "no wind blows at 1,048 mph"
    assert made["day_of_week"].unique().tolist() == [5], "the first of February 2013 was a Friday"
    assert made[["scheduled_departure_minute", "scheduled_arrival_minute"]].iloc[0].tolist() == [299, 1440]


def test_features_of_the_future_are_in_no_file(training: Trained) -> None:
    names = training.artifact("features").read_table(f"{MONTH}.parquet").column_names
    assert set(names).isdisjoint(OUTCOME)
