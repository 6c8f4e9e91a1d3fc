"""Metrics: no client can make a series, and the objectives can be counted from what is there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from reference_app.metrics import BOUNDS_SECONDS

from infra.contracts import names

Series = Callable[[], dict[str, float]]
SLOS = Path(__file__).parents[2] / "reference-app" / "slos"


def test_clients_cannot_make_series(client: TestClient, flight: dict[str, Any], metric: Series):
    client.get("/nowhere")
    client.request("PATCH", "/predict")
    client.post("/predict", json={**flight, "carrier": "ZZ"})
    metric()
    before = set(metric())
    for number in range(30):
        client.get(f"/nowhere/{number}", params={"number": number}, headers={"X-Request-Id": f"id-{number}"})
        client.request(f"METHOD{number}", "/predict")
        client.post("/predict", json={**flight, "carrier": f"Z{number}"})
    client.request("PATCH", "/nowhere")
    grown = set(metric()) - before
    assert grown <= {'http_requests_total{method="other",route="other",status="404"}'}, "at most the route other"


def test_the_model_that_is_served_is_a_metric(client: TestClient, metric: Series):
    (series,) = (series for series in metric() if series.startswith(names.MODEL_INFO))
    assert 'version="7"' in series
    assert 'model="flight-delay"' in series


def test_a_failure_of_ours_is_counted_logged_and_answered_in_words(
    client: TestClient,
    flight: dict[str, Any],
    metric: Series,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):
    def broken(*_: object) -> None:
        raise RuntimeError("the model is gone")

    monkeypatch.setattr("reference_app.model.Model.score", broken)
    answer = client.post("/predict", json=flight, headers={"X-Request-Id": "trip-42"})
    assert answer.status_code == 500
    assert "trip-42" in answer.json()["detail"]
    assert "the model is gone" not in answer.text
    assert "the model is gone" in caplog.text
    assert metric()['predictions_total{model_version="7",outcome="failed"}'] == 1
    assert metric()["prediction_duration_seconds_count"] == 0, "a fast failure must not look like a fast answer"


@pytest.mark.parametrize("path", sorted(SLOS.glob("*.yaml")), ids=lambda path: path.stem)
def test_an_objective_can_be_counted_from_the_apps_metrics(path: Path, client: TestClient):
    document = yaml.safe_load(path.read_text())
    assert (document["apiVersion"], document["kind"]) == ("openslo/v1", "SLO")
    assert document["metadata"]["name"] == path.stem
    assert 0 < document["spec"]["objectives"][0]["target"] < 1
    ratio = document["spec"]["indicator"]["spec"]["ratioMetric"]
    queries = [ratio[part]["metricSource"]["spec"]["query"] for part in ("good", "total")]
    offered = {sample.name for family in text_string_to_metric_families(client.get("/metrics").text)
               for sample in family.samples}  # fmt: skip
    for query in queries:
        assert query.partition("{")[0] in offered, query
        assert f'{names.SERVICE_LABEL}="{document["spec"]["service"]}"' in query


def test_the_latency_objective_is_a_bound_of_the_histogram():
    document = yaml.safe_load((SLOS / "reference-app-latency.yaml").read_text())
    query = document["spec"]["indicator"]["spec"]["ratioMetric"]["good"]["metricSource"]["spec"]["query"]
    assert any(f'le="{bound}"' in query for bound in BOUNDS_SECONDS)


@pytest.mark.parametrize("answer", [[np.nan], [1.5], [-0.1], []])
def test_what_is_no_probability_is_a_failure_and_never_sent(
    client: TestClient,
    flight: dict[str, Any],
    metric: Series,
    monkeypatch: pytest.MonkeyPatch,
    answer: list[float],
):
    monkeypatch.setattr("reference_app.onnx_scorer.OnnxScorer.score", lambda *_: np.array(answer))
    assert [client.post(path, json=flight).status_code for path in ("/predict", "/predict/explain")] == [500, 500]
    assert metric()['predictions_total{model_version="7",outcome="failed"}'] == 2
