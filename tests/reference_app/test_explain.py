"""POST /predict/explain: the same answer as /predict, with what it is made of."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient


def test_the_probability_is_that_of_a_prediction(client: TestClient, flight: dict[str, Any]):
    predicted, explained = (client.post(path, json=flight).json() for path in ("/predict", "/predict/explain"))
    assert explained["probability_late"] == pytest.approx(predicted["probability_late"], abs=1e-7)
    for name in ("assumed", "model", "model_version", "model_digest"):
        assert explained[name] == predicted[name]


def test_each_reason_is_what_would_change_if_only_it_were_typical(client: TestClient, flight: dict[str, Any]):
    """Rain is given in the request, so the same flight with the typical rain can be asked for."""
    rainy = {**flight, "precipitation_inches": 0.8}
    said = client.post("/predict/explain", json=rainy).json()
    (rain,) = (reason for reason in said["reasons"] if reason["feature"] == "precipitation_inches")
    assert rain["value"] == 0.8
    dry = client.post("/predict", json={**rainy, "precipitation_inches": rain["typical"]}).json()
    assert rain["change"] == pytest.approx(said["probability_late"] - dry["probability_late"], abs=1e-6)
    assert rain["change"] > 0, "the model has learnt that rain makes late"
    sizes = [abs(reason["change"]) for reason in said["reasons"]]
    assert sizes == sorted(sizes, reverse=True)


def test_it_counts_as_a_prediction_and_a_refusal_as_one(
    client: TestClient, flight: dict[str, Any], metric: Callable[[], dict[str, float]]
):
    assert client.post("/predict/explain", json=flight).status_code == 200
    refused = client.post("/predict/explain", json={**flight, "carrier": "ZZ"})
    assert (refused.status_code, "use one of 9E" in refused.text) == (422, True)
    counted = metric()
    assert counted['predictions_total{model_version="7",outcome="ok"}'] == 1
    assert counted['predictions_total{model_version="7",outcome="rejected"}'] == 1
