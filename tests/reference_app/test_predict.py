"""POST /predict: the model's own answer, or what to change."""

import datetime
import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from reference_app.app import create_app
from reference_app.settings import Settings

from infra.contracts.bundle import publish
from tests.support.flight_model import PublishedModel, bundle_files, flights

WEATHER = (
    "temperature_f",
    "dew_point_f",
    "humidity_percent",
    "wind_speed_mph",
    "precipitation_inches",
    "pressure_millibars",
    "visibility_miles",
)


def _date(month: int, iso_weekday: int) -> str:
    first = datetime.date(2013, month, 1)
    return (first + datetime.timedelta(days=(iso_weekday - first.isoweekday()) % 7)).isoformat()


def _request(row: "pd.Series[Any]") -> dict[str, Any]:
    """The request whose features are `row`."""
    return {
        "date": _date(int(row["month"]), int(row["day_of_week"])),
        "scheduled_departure": "{:02d}:{:02d}".format(*divmod(int(row["scheduled_departure_minute"]), 60)),
        "scheduled_arrival": "{:02d}:{:02d}".format(*divmod(int(row["scheduled_arrival_minute"]), 60)),
        **{code: row[code] for code in ("carrier", "origin", "destination")},
        **{name: float(row[name]) for name in WEATHER},
    }


def test_the_app_answers_what_the_trained_model_answers(client: TestClient, published: PublishedModel):
    rows = flights(rows=200, seed=99)
    rows["dew_point_f"] = rows["dew_point_f"].clip(-150, 100)
    expected = published.pipeline.predict_proba(rows)[:, 1]
    answers = [client.post("/predict", json=_request(row)).json() for _, row in rows.iterrows()]
    differences = [abs(answer["probability_late"] - late) for answer, late in zip(answers, expected, strict=True)]
    assert max(differences) < 1e-6
    assert all(answer["assumed"] == [] for answer in answers), "the distance comes from the route, the rest was given"


def test_an_answer_says_which_model_gave_it_and_what_it_assumed(
    client: TestClient, flight: dict[str, Any], published: PublishedModel
):
    answer = client.post("/predict", json=flight, headers={"X-Request-Id": "trip-42"})
    assert answer.status_code == 200
    assert answer.headers["x-request-id"] == "trip-42"
    said = answer.json()
    assert 0 <= said.pop("probability_late") <= 1
    assert said == {
        "assumed": list(WEATHER),
        "model": "flight-delay",
        "model_version": "7",
        "model_digest": published.digest,
        "request_id": "trip-42",
    }


def test_a_malformed_request_id_is_replaced(client: TestClient, flight: dict[str, Any]):
    answer = client.post("/predict", json=flight, headers={"X-Request-Id": 'x"}\t{"forged": 1'})
    assert len(answer.json()["request_id"]) == 32
    assert answer.headers["x-request-id"] == answer.json()["request_id"]


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"carrier": "ZZ"}, "carrier", "use one of 9E, AA, B6"),
        ({"carrier": 7}, "carrier", "valid string"),
        ({"origin": "LHR"}, "origin", "use one of EWR, JFK, LGA"),
        ({"destination": "lax"}, "destination", "use one of ATL, BOS, LAX"),
        ({"date": "04/07/2013"}, "date", "YYYY-MM-DD, such as 2013-07-04"),
        ({"date": "2013-02-30"}, "date", "a date of the calendar"),
        ({"date": 20130704}, "date", "YYYY-MM-DD"),
        ({"scheduled_departure": "6:30 pm"}, "scheduled_departure", "HH:MM, from 00:00 to 23:59"),
        ({"scheduled_arrival": "24:00"}, "scheduled_arrival", "HH:MM, from 00:00 to 23:59"),
        ({"scheduled_arrival": None}, "scheduled_arrival", "HH:MM"),
        ({"temperature_f": 300}, "temperature_f", "less than or equal to 140"),
        ({"wind_speed_mph": "12"}, "wind_speed_mph", "valid number"),
        ({"humidity_percent": -1}, "humidity_percent", "greater than or equal to 0"),
        ({"seat": "12A"}, "seat", "not a field of a flight"),
    ],
)
def test_a_refusal_names_the_field_and_what_is_accepted(
    client: TestClient, flight: dict[str, Any], change: dict[str, Any], field: str, says: str
):
    answer = client.post("/predict", json={**flight, **change})
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert problem["loc"] == ["body", field]
    assert says in problem["msg"]


def test_all_problems_are_listed_at_once(client: TestClient, flight: dict[str, Any]):
    del flight["date"]
    answer = client.post("/predict", json={**flight, "carrier": "ZZ", "origin": "LHR"})
    problems = {problem["loc"][-1]: problem["msg"] for problem in answer.json()["detail"]}
    assert set(problems) == {"date", "carrier", "origin"}
    assert problems["date"] == "is required"


def test_a_flight_to_where_it_starts_is_refused(settings: Settings, flight: dict[str, Any], published: PublishedModel):
    store, card = settings.bundles, {**published.card, "categorical": {**published.card["categorical"]}}
    card["categorical"]["origin"] = [*card["categorical"]["origin"], "BOS"]
    digest = publish(store, bundle_files(published.pipeline, card))
    client = TestClient(create_app(settings.model_copy(update={"model_digest": digest})))

    def problem(**change: str) -> str:
        return str(client.post("/predict", json={**flight, **change}).json()["detail"][0]["msg"])

    assert "are the same" in problem(origin="BOS", destination="BOS")
    assert problem(origin="BOS", destination="LAX") == (
        "the model knows no direct flight BOS-LAX; use another destination, or an origin of EWR, JFK, LGA"
    )


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b'{"date": NaN}', b"\xff\xfe", b"[" * 10_000])
def test_a_body_that_is_no_flight_is_refused_in_words(client: TestClient, body: bytes):
    answer = client.post("/predict", content=body)
    assert answer.status_code == 422
    assert all(problem["msg"] for problem in answer.json()["detail"])


def test_a_large_body_is_refused_with_the_limit(client: TestClient):
    answer = client.post("/predict", content=b" " * 20_000)
    assert answer.status_code == 413
    assert "16384 bytes" in answer.json()["detail"]


def test_the_schema_states_the_request(client: TestClient):
    operation = client.get("/openapi.json").json()["paths"]["/predict"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["required"]) == {
        "date",
        "scheduled_departure",
        "scheduled_arrival",
        "carrier",
        "origin",
        "destination",
    }


def test_outcomes_are_counted(client: TestClient, flight: dict[str, Any], metric: Callable[[], dict[str, float]]):
    client.post("/predict", json=flight)
    client.post("/predict", json={})
    counted = metric()
    assert counted['predictions_total{model_version="7",outcome="ok"}'] == 1
    assert counted['predictions_total{model_version="7",outcome="rejected"}'] == 1
    assert counted['predictions_total{model_version="7",outcome="failed"}'] == 0
    assert counted["prediction_duration_seconds_count"] == 1


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ("date", "scheduled_departure", "scheduled_arrival", "carrier", "origin", "destination", *WEATHER)
SENSIBLE = {
    "date": st.dates().map(str),
    "scheduled_departure": st.times().map(lambda time: time.strftime("%H:%M")),
    "scheduled_arrival": st.times().map(lambda time: time.strftime("%H:%M")),
    "carrier": st.sampled_from(["B6", "AA", "ZZ"]),
    "origin": st.sampled_from(["JFK", "EWR", "LAX"]),
    "destination": st.sampled_from(["LAX", "BOS", "JFK"]),
}
BODIES = st.fixed_dictionaries(
    {}, optional={name: SENSIBLE.get(name, st.floats(0, 50)) | JSON_VALUES for name in FIELDS}
) | st.fixed_dictionaries(SENSIBLE)


@given(body=BODIES | JSON_VALUES)
@hypothesis_settings(max_examples=400, deadline=None)
def test_no_body_makes_a_server_error(kept_client: TestClient, body: Any):
    answer = kept_client.post("/predict", content=json.dumps(body))
    assert answer.status_code in {200, 422}
    assert answer.json()


@given(content=st.binary(max_size=300))
@hypothesis_settings(max_examples=200, deadline=None)
def test_no_bytes_make_a_server_error(kept_client: TestClient, content: bytes):
    assert kept_client.post("/predict", content=content).status_code == 422


@given(fields=st.dictionaries(st.sampled_from(FIELDS), st.text(), max_size=8))
@hypothesis_settings(max_examples=100, deadline=None)
def test_no_form_makes_a_server_error(kept_client: TestClient, fields: dict[str, str]):
    assert kept_client.get("/", params=fields).status_code in {200, 422}
