"""POST /predict/batch: many flights at once are answered as each alone would be, and a bad one sinks no other."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from reference_app.app import create_app
from reference_app.settings import Settings

Series = Callable[[], dict[str, float]]


@pytest.fixture
def flights(flight: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**flight, "destination": to, "precipitation_inches": rain} for to in ("LAX", "SFO") for rain in (0, 0.4)]


@pytest.fixture
def small(settings: Settings, tmp_path: Path) -> Iterator[TestClient]:
    """An app that takes 3 flights and 2000 bytes at once, and writes down what it predicts."""
    limits = {"max_batch_rows": 3, "max_batch_body_bytes": 2000, "prediction_log": tmp_path / "log"}
    app = create_app(settings.model_copy(update=limits))
    with TestClient(app) as client:
        yield client


def test_each_flight_of_a_batch_gets_the_answer_that_it_would_get_alone(
    client: TestClient, flights: list[dict[str, Any]]
):
    answer = client.post("/predict/batch", json={"flights": flights}, headers={"X-Request-Id": "trip-42"})
    assert answer.status_code == 200
    said = answer.json()
    alone = [client.post("/predict", json=flight).json() for flight in flights]
    for row, one in zip(said["answers"], alone, strict=True):
        assert row["probability_late"] == pytest.approx(one["probability_late"], abs=1e-7)
        assert row["assumed"] == one["assumed"]
    assert (said["answered"], said["refused"], said["request_id"]) == (4, 0, "trip-42")
    assert said["model_digest"] == alone[0]["model_digest"]


def test_a_refused_flight_says_what_to_change_and_sinks_no_other(
    client: TestClient, flight: dict[str, Any], metric: Series
):
    batch = [flight, {**flight, "carrier": "ZZ", "date": "soon"}, "no flight", flight]
    said = client.post("/predict/batch", json={"flights": batch}).json()
    good, bad, none, last = said["answers"]
    assert good == last
    assert 0 <= good["probability_late"] <= 1
    assert {problem["loc"][-1]: problem["loc"] for problem in bad["detail"]} == {
        "carrier": ["body", "flights", "1", "carrier"],
        "date": ["body", "flights", "1", "date"],
    }
    assert "use one of 9E, AA, B6" in str(bad["detail"])
    assert none["detail"][0]["loc"] == ["body", "flights", "2"]
    assert (said["answered"], said["refused"]) == (2, 2)
    counted = metric()
    assert counted['predictions_total{model_version="7",outcome="ok"}'] == 2
    assert counted['predictions_total{model_version="7",outcome="rejected"}'] == 2
    assert counted["prediction_duration_seconds_count"] == 0, "the latency objective is about single predictions"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"flights": []}', b'{"flights": {}}', b'{"flights": [1], "x": 1}', b"[" * 9000]
)
def test_what_is_no_batch_is_refused_in_words(client: TestClient, body: bytes):
    answer = client.post("/predict/batch", content=body)
    assert answer.status_code == 422
    assert "flights" in answer.json()["detail"][0]["msg"]


def test_a_batch_has_bounds_of_its_own(small: TestClient, flight: dict[str, Any]):
    assert small.post("/predict/batch", json={"flights": [flight] * 3}).status_code == 200
    many = small.post("/predict/batch", json={"flights": [flight] * 4})
    assert (many.status_code, "a list of 1 to 3 flights" in many.text) == (422, True)
    large = small.post("/predict/batch", content=b" " * 2001)
    assert (large.status_code, "2000 bytes" in large.json()["detail"]) == (413, True)


def test_each_prediction_of_a_batch_is_written_down(small: TestClient, flight: dict[str, Any], tmp_path: Path):
    batch = [flight, {**flight, "carrier": "ZZ"}, flight]
    small.post("/predict/batch", json={"flights": batch}, headers={"X-Request-Id": "trip-42"})
    (log,) = small.app.state.services.finishers  # type: ignore[attr-defined]
    log(10)
    (written,) = (tmp_path / "log").iterdir()
    ids = [json.loads(line)["request_id"] for line in written.read_text().splitlines()]
    assert ids == ["trip-42.0", "trip-42.2"]


def test_a_failure_of_ours_fails_the_batch_and_is_counted(
    client: TestClient, flight: dict[str, Any], metric: Series, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object) -> None:
        raise RuntimeError("the model is gone")

    monkeypatch.setattr("reference_app.model.Model.score", broken)
    assert client.post("/predict/batch", json={"flights": [flight, flight]}).status_code == 500
    assert metric()['predictions_total{model_version="7",outcome="failed"}'] == 2
