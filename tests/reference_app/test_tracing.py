"""Traces: whole and joined to their callers' where they are switched on, and no cost and no harm otherwise."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from reference_app.app import create_app
from reference_app.settings import Settings

from tests.support.app_process import environment, running_app, variables_of
from tests.support.otlp_receiver import Receiver, receiving
from tests.support.service import free_port

SERVER, ERROR = 2, 2  # SpanKind and StatusCode of the protocol
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@contextmanager
def traced(settings: Settings, endpoint: str, **change: Any) -> Iterator[TestClient]:
    """Ends as the server ends it: whoever finishes is given a second."""
    app = create_app(settings.model_copy(update={"traces_endpoint": endpoint, **change}))
    with TestClient(app) as client:
        yield client
    for finish in app.state.services.finishers:
        finish(1)


def test_a_request_is_a_span_with_its_scoring_below(settings: Settings, receiver: Receiver, flight: dict[str, Any]):
    with traced(settings, receiver.url) as client:
        assert client.post("/predict", json=flight, headers={"X-Request-Id": "trip-42"}).status_code == 200
    (request,) = receiver.named("POST /predict")
    assert (request.kind, request.parent, request.service) == (SERVER, "", "reference-app")
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 200,
        "request.id": "trip-42",
        "model.digest": settings.model_digest,
    }
    (score,) = receiver.named("score")
    assert (score.trace, score.parent) == (request.trace, request.id)
    assert score.attributes == {"rows": 1, "model.path": "onnx"}


def test_a_callers_trace_goes_on(settings: Settings, receiver: Receiver, flight: dict[str, Any]):
    with traced(settings, receiver.url) as client:
        client.post("/predict", json=flight, headers={"traceparent": f"00-{TRACE}-{CALLER}-01"})
        client.post("/predict", json=flight, headers={"traceparent": f"00-{TRACE}-{CALLER}-00"})
        client.post("/predict", json=flight, headers={"traceparent": "nonsense"})
    first, last = receiver.named("POST /predict")
    assert (first.trace, first.parent) == (TRACE, CALLER)
    assert last.trace != TRACE, "the second was not to be recorded; the third begins a trace of its own"


def test_every_way_to_a_prediction_is_traced(settings: Settings, receiver: Receiver, flight: dict[str, Any]):
    with traced(settings, receiver.url) as client:
        client.get("/", params=flight)
        client.post("/predict/batch", json={"flights": [flight, flight]})
        client.get("/v2/models/other")
        client.get("/nowhere/at/all")
        client.get("/ready")
    names = sorted(span.name for span in receiver.spans)
    assert names == ["GET", "GET /", "GET /v2/models/{name}", "POST /predict/batch", "score", "score"]
    assert receiver.named("GET /v2/models/{name}")[0].attributes["http.response.status_code"] == 404


def test_a_failure_of_ours_is_marked(
    settings: Settings, receiver: Receiver, flight: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object) -> None:
        raise RuntimeError("the model is gone")

    with traced(settings, receiver.url) as client:
        monkeypatch.setattr("reference_app.model.Model.score", broken)
        assert client.post("/predict", json=flight).status_code == 500
    (span,) = receiver.named("POST /predict")
    assert (span.status, span.attributes["http.response.status_code"]) == (ERROR, 500)


def test_a_share_of_the_requests_can_be_traced(settings: Settings, receiver: Receiver, flight: dict[str, Any]):
    with traced(settings, receiver.url, traces_ratio=0) as client:
        client.post("/predict", json=flight)
        client.post("/predict", json=flight, headers={"traceparent": f"00-{TRACE}-{CALLER}-01"})
    assert [span.trace for span in receiver.named("POST /predict")] == [TRACE]


@pytest.mark.parametrize("trouble", ["down", "hanging"])
def test_a_collector_in_trouble_stops_no_answer_and_no_end(
    settings: Settings, receiver: Receiver, flight: dict[str, Any], trouble: str
):
    endpoint = f"http://127.0.0.1:{free_port()}" if trouble == "down" else receiver.url
    receiver.answers.clear()
    with traced(settings, endpoint) as client:
        assert [client.post("/predict", json=flight).status_code for _ in range(20)] == [200] * 20
        ended = time.monotonic()
    assert time.monotonic() - ended < 3


def test_without_the_setting_nothing_of_it_is_imported():
    script = (
        "import sys; from reference_app import app, server; "
        "print(*(name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter', "
        "'opentelemetry.proto', 'google.protobuf', 'requests'))))"
    )
    root = Path(__file__).parents[2]
    asked = subprocess.run(
        [sys.executable, "-c", script],
        env=environment({"PYTHONPATH": f"{root}:{root / 'reference-app'}"}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout.split() == []


@pytest.mark.proof
def test_a_stopped_process_has_sent_its_traces(
    settings: Settings, receiver: Receiver, flight: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")  # must not be asked
    variables = {**variables_of(settings), "TRACES_ENDPOINT": receiver.url}
    with running_app(variables, tmp_path) as app, httpx2.Client(base_url=app.url, trust_env=False) as client:
        assert {client.post("/predict", json=flight).status_code for _ in range(100)} == {200}
        app.process.send_signal(signal.SIGTERM)
        assert app.process.wait(10) == 0
    assert len(receiver.named("POST /predict")) == 100
