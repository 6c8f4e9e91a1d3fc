"""What who knows flights expects of the model: the real one, trained on all flights, judged on a month it never saw."""

from datetime import timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from pipelines.flights.columns import FEATURES, LABEL, SCHEDULE
from pipelines.flights.conf import FlightsConf
from pipelines.flights.data.features import build, known_weather
from pipelines.flights.data.frames import read_frame
from pipelines.flights.dataset import read_dataset
from pipelines.flights.model.learner import fit, from_bytes, known_values, late_probability
from tests.support.training import Trained

pytestmark = pytest.mark.model

HOLDOUT = "2013-09"
MORNING, EVENING = 7 * 60, 19 * 60  # minutes of the day
FOUR_WEEKS = timedelta(weeks=4)  # the same days of the week, and no change of the clock between
# What anything learnt must reach: half of what is known to be in this data (0.71), above nothing learnt (0.5).
AUC_FLOOR = 0.605


@pytest.fixture(scope="module")
def model(training: Trained):
    return from_bytes(training.artifact("model").read_bytes("model.joblib"))


@pytest.fixture(scope="module")
def month(training: Trained) -> pd.DataFrame:
    return read_dataset(training.artifact("features"), training.artifact("labels"), [HOLDOUT])


@pytest.fixture(scope="module")
def flights(month: pd.DataFrame) -> pd.DataFrame:
    """Enough of them for an average."""
    return month.sample(4000, random_state=2, ignore_index=True)


def mean_risk(model, flights: pd.DataFrame, **changed: object) -> float:
    """Over all flights, had they had what is `changed`."""
    return float(late_probability(model, flights.assign(**changed)).mean())


# Invariance: what must not matter


def test_the_number_of_a_flight_and_its_date_do_not_move_its_risk(model, training: Trained) -> None:
    """Four weeks later, under the same sky and another number, a flight is the same to the model but for the month."""
    raw, conf = training.artifact("raw"), FlightsConf.from_file()
    schedule = read_frame(raw, f"flights/{HOLDOUT}.parquet", list(SCHEDULE)).filter(pl.col("day") == 2)
    readings = read_frame(raw, f"weather/{HOLDOUT}.parquet")
    later = pl.col("time_hour") + FOUR_WEEKS
    moved = schedule.with_columns(
        later.alias("time_hour"),
        (pl.col("day") + FOUR_WEEKS.days).alias("day"),
        (pl.col("flight") % 97 + 9000).alias("flight"),
    )
    risks = [
        late_probability(model, build(flights, known_weather(weather, conf.wind_speed_mph_max), 6).to_pandas())
        for flights, weather in ((schedule, readings), (moved, readings.with_columns(later.alias("time_hour"))))
    ]
    assert len(risks[0]) > 500
    assert (risks[0] == risks[1]).all()


def test_the_company_of_other_flights_does_not_move_a_risk(model, flights: pd.DataFrame) -> None:
    together = late_probability(model, flights)
    shuffled = flights.sample(frac=1, random_state=1)
    assert (late_probability(model, shuffled) == together[shuffled.index]).all()
    alone = [late_probability(model, flights.iloc[[row]])[0] for row in range(0, len(flights), 500)]
    assert alone == together[::500].tolist()


# Directional expectation: what must matter, and which way


def test_the_later_in_the_day_the_greater_the_risk(model, flights: pd.DataFrame) -> None:
    def at(minute: int) -> float:
        duration = flights["scheduled_arrival_minute"] - flights["scheduled_departure_minute"]
        return mean_risk(
            model, flights, scheduled_departure_minute=minute, scheduled_arrival_minute=(minute + duration) % 1440
        )

    risks = [at(minute) for minute in (MORNING, 13 * 60, EVENING)]
    assert risks == sorted(risks)
    assert risks[-1] > 1.5 * risks[0], "delays add up over a day"


@pytest.mark.parametrize(
    ("column", "fair", "foul"),
    [("precipitation_inches", 0.0, 0.3), ("visibility_miles", 10.0, 1.0), ("wind_speed_mph", 5.0, 35.0)],
)
def test_worse_weather_is_no_smaller_risk(model, flights: pd.DataFrame, column: str, fair: float, foul: float) -> None:
    assert mean_risk(model, flights, **{column: foul}) > mean_risk(model, flights, **{column: fair})


# Minimum functionality: what it must get right to be of any use


def test_it_knows_more_than_the_average_and_tells_flights_apart_at_every_airport(
    model, month: pd.DataFrame, training: Trained
) -> None:
    average = training.artifact("model").read_json("training.json")["late_share"]
    risk = late_probability(model, month)
    assert log_loss(month[LABEL], risk) < log_loss(month[LABEL], np.full(len(month), average))
    for origin in ("EWR", "JFK", "LGA"):
        here = month["origin"] == origin
        assert roc_auc_score(month[LABEL][here], risk[here]) > AUC_FLOOR, origin


def test_a_fair_morning_is_a_small_risk_and_a_stormy_evening_a_great_one(model, flights: pd.DataFrame) -> None:
    fair = {"precipitation_inches": 0.0, "visibility_miles": 10.0, "wind_speed_mph": 5.0}
    storm = {"precipitation_inches": 0.4, "visibility_miles": 1.0, "wind_speed_mph": 30.0, "humidity_percent": 95.0}
    average = flights[LABEL].mean()
    assert mean_risk(model, flights, scheduled_departure_minute=MORNING, **fair) < average
    assert mean_risk(model, flights, scheduled_departure_minute=EVENING, **storm) > 2 * average


# Overfit one batch: who cannot learn 200 flights by heart is wired wrongly


def test_a_learner_without_restraint_learns_a_batch_by_heart(flights: pd.DataFrame) -> None:
    batch = flights.sample(200, random_state=3)
    assert not batch[list(FEATURES)].duplicated().any()
    unrestrained = FlightsConf.from_file().learner.model_copy(
        update={"iterations": 100, "learning_rate": 0.3, "leaf_rows_min": 1, "leaf_nodes_max": 100}
    )
    learnt = fit(unrestrained, known_values(batch), batch)
    assert log_loss(batch[LABEL], late_probability(learnt, batch)) < 0.01


def test_labels_that_mean_nothing_teach_nothing(month: pd.DataFrame) -> None:
    """The other way round: what it knows comes from the labels, through no back door."""
    half = len(month) // 2
    order = np.random.default_rng(4).permutation(len(month))
    shuffled = month.assign(late=month[LABEL].to_numpy()[order])
    few_trees = FlightsConf.from_file().learner.model_copy(update={"iterations": 20})
    learnt = fit(few_trees, known_values(month), shuffled.head(half))
    rest = shuffled.tail(len(month) - half)
    assert abs(roc_auc_score(rest[LABEL], late_probability(learnt, rest)) - 0.5) < 0.03
