"""The log of predictions as the app writes it, and what is found in one that somebody harmed."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from reference_app.features import Row
from reference_app.model import load_model
from reference_app.prediction_log import Entry, encode

from pipelines.flights.columns import FEATURES
from pipelines.flights.data.contracts.predictions import read_predictions
from tests.support.flight_model import publish_model

pytestmark = pytest.mark.data

NAME = "flight-delay/1.jsonl"
FLIGHT: dict[str, float | str | None] = {
    **dict.fromkeys(FEATURES),
    "month": 7, "day_of_week": 1, "scheduled_departure_minute": 600, "scheduled_arrival_minute": 750,
    "carrier": "B6", "origin": "JFK", "destination": "BOS", "distance_miles": 187, "temperature_f": 61.5,
}  # fmt: skip


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """By the app's own encoder, about a model that it loaded."""
    published = publish_model(tmp_path_factory.mktemp("bundles"))
    model = load_model(published.store, published.digest, "7")
    assert set(model.card.features) == set(FEATURES)
    at = datetime(2013, 11, 1, 12, 30, 15, 123999, tzinfo=UTC)
    return encode(Entry("r-1", at, model, Row(FLIGHT, ("temperature_f",)), 0.25))


def changed(line: bytes, **members: Any) -> bytes:
    """The same line with other members; those of features by their names."""
    said = json.loads(line)
    for name, value in members.items():
        (said["features"] if name in said["features"] else said)[name] = value
    return json.dumps(said).encode()


def found(*lines: bytes) -> list[str]:
    return [str(violation) for violation in read_predictions(lines, NAME)[1]]


def test_what_the_app_writes_keeps_the_contract(line: bytes) -> None:
    frame, violations = read_predictions([line, changed(line, request_id="r-2", carrier=None)], NAME)
    assert violations == []
    assert frame["probability_late"].tolist() == [0.25, 0.25]
    assert frame["predicted_at"].iloc[0] == datetime(2013, 11, 1, 12, 30, 15, 123000, tzinfo=UTC)
    assert frame["temperature_f"].tolist() == [61.5, 61.5]
    assert frame["carrier"].isna().tolist() == [False, True]


def test_no_prediction_is_no_violation() -> None:
    frame, violations = read_predictions([], NAME)
    assert (len(frame), violations) == (0, [])


HARMS: dict[str, tuple[dict[str, Any], str]] = {
    "a probability that is none": ({"probability_late": 1.5}, "probability_late is above 1: 1 rows, such as row 0"),
    "no probability": ({"probability_late": None}, "probability_late is missing: 1 rows"),
    "no time": ({"predicted_at": "yesterday"}, "predicted_at is missing: 1 rows"),
    "no digest": ({"model_digest": "latest"}, "model_digest does not match"),
    "a month that is none": ({"month": 13}, "month is above 12: 1 rows, such as row 0 (13.0)"),
    "a word for a number": ({"temperature_f": "mild"}, "temperature_f is no number: 1 rows, such as row 0"),
    "an assumption about no feature": ({"assumed": ["mood"]}, "assumed names what is no feature: 1 rows"),
}  # fmt: skip


@pytest.mark.parametrize("harm", HARMS)
def test_a_harmed_line_is_found(line: bytes, harm: str) -> None:
    members, expected = HARMS[harm]
    (told,) = found(changed(line, **members))
    assert told.startswith(f"{NAME}: ")
    assert expected in told


def test_a_prediction_written_twice_is_found(line: bytes) -> None:
    assert found(line, line)[0].startswith(f"{NAME}: the same key more than once: 2 rows")


def test_what_is_no_line_is_told_with_its_number_and_left_out(line: bytes) -> None:
    unknown = json.dumps({**json.loads(line), "mood": 1}).encode()
    poor = json.dumps({**json.loads(line), "features": {"month": 1}}).encode()
    frame, violations = read_predictions([line, line[:-9], unknown, b"[]", poor], NAME)
    assert len(frame) == 1
    assert [str(each) for each in violations] == [
        f"{NAME}: no whole prediction: 4 rows, such as line 2; line 3; line 4",
    ]
