"""A month of flights through the app and through the pipeline: the same probability, whatever lies between."""

import numpy as np
import pandas as pd
import pytest
from reference_app.features import row_of
from reference_app.flight import flight_from_json
from reference_app.model import Model, load_model

from pipelines.flights.columns import SCHEDULE
from pipelines.flights.conf import FlightsConf
from pipelines.flights.data.features import build, known_weather
from pipelines.flights.data.frames import read_frame
from pipelines.flights.model.learner import from_bytes, late_probability
from tests.support.passenger import WEATHER, request
from tests.support.training import Trained

pytestmark = pytest.mark.model

HOLDOUT = "2013-09"
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def served(training: Trained) -> Model:
    """As the app loads it, from the bundle that was registered."""
    result = training.run.result
    assert result
    assert result.digest
    assert result.version
    return load_model(training.folder / "bundles", result.digest, result.version)


@pytest.fixture(scope="module")
def month(training: Trained) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The timetable, and what the pipeline makes of it."""
    raw, conf = training.artifact("raw"), FlightsConf.from_file()
    schedule = read_frame(raw, f"flights/{HOLDOUT}.parquet", list(SCHEDULE))
    weather = known_weather(read_frame(raw, f"weather/{HOLDOUT}.parquet"), conf.wind_speed_mph_max)
    return schedule.to_pandas(), build(schedule, weather, conf.weather_age_hours_max).to_pandas()


def test_the_app_answers_what_the_pipeline_predicts(
    served: Model, month: tuple[pd.DataFrame, pd.DataFrame], training: Trained
) -> None:
    schedule, features = month
    # The app refuses a route that it does not know, and assumes something typical where no weather is given.
    route = features["origin"] + "-" + features["destination"]
    known = route.isin(served.card.distance_miles) & features[list(WEATHER)].notna().all(axis="columns")
    assert features["carrier"].isin(served.card.categorical["carrier"]).all()
    schedule, features = schedule[known], features[known]
    rows = [
        row_of(flight_from_json(request(scheduled, facts), served.card), served.card)
        for scheduled, facts in zip(schedule.to_dict("records"), features.to_dict("records"), strict=True)
    ]
    # The app knows one distance of a route; the source corrects a few within the year.
    same_route = np.array([row.values["distance_miles"] for row in rows]) == features["distance_miles"].to_numpy()
    assert same_route.mean() > 0.99
    answers = np.asarray(served.score(served.encoder.rows([row.values for row in rows])), dtype=np.float64)
    model = from_bytes(training.artifact("model").read_bytes("model.joblib"))
    differences = np.abs(answers - late_probability(model, features))[same_route]
    assert len(differences) >= 10_000
    assert differences.max() < TOLERANCE
