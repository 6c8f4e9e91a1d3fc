"""The app holds what /openapi.json promises: for requests that fit it, that do not, and that are no requests at all."""

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from fastapi.testclient import TestClient
from reference_app.app import create_app
from reference_app.settings import Settings

from tests.support.api_fuzz import Outcome, fuzz, fuzz_bytes, load, operations
from tests.support.app_process import running_app, variables_of

TOKEN = "0123456789abcdef"
LABELS = [
    "POST /predict",
    "POST /predict/batch",
    "POST /predict/explain",
    "GET /v2",
    "GET /v2/health/live",
    "GET /v2/health/ready",
    "GET /v2/models/{name}",
    "GET /v2/models/{name}/ready",
    "GET /v2/models/{name}/versions/{version}",
    "GET /v2/models/{name}/versions/{version}/ready",
    "POST /v2/models/{name}/infer",
    "POST /v2/models/{name}/versions/{version}/infer",
    "POST /v2/repository/models/{name}/load",
    "GET /health",
    "GET /ready",
    "GET /metrics",
]
FAST_EXAMPLES = 6
CASES, SLOWEST_SECONDS = 10_000, 5.0


@pytest.fixture(scope="module")
def operated(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """With all that can be switched on."""
    folder = tmp_path_factory.mktemp("operated")
    (folder / "token").write_text(TOKEN)
    return settings.model_copy(update={"admin_token_file": folder / "token", "prediction_log": folder / "log"})


@pytest.fixture
def valid(flight: dict[str, Any]) -> dict[str, Any]:
    """A request that is answered, by path."""
    codes = {name: flight[name] for name in ("carrier", "origin", "destination")}
    numbers = {"month": 7, "day_of_week": 4, "scheduled_departure_minute": 1110, "scheduled_arrival_minute": 1305}
    tensors = [
        *({"name": name, "shape": [1], "datatype": "BYTES", "data": [code]} for name, code in codes.items()),
        *({"name": name, "shape": [1, 1], "datatype": "INT64", "data": [[value]]} for name, value in numbers.items()),
        {"name": "temperature_f", "shape": [1], "datatype": "FP64", "data": [61.5]},
    ]
    return {
        "/predict": {**flight, "temperature_f": 61.5},
        "/predict/explain": flight,
        "/predict/batch": {"flights": [flight, {**flight, "destination": "SFO"}]},
        "/v2/models/flight-delay/infer": {"id": "42", "inputs": tensors},
    }


def told(outcome: Outcome) -> str:
    return "\n\n".join(f"{kind}: {example}" for kind, example in outcome.failures.items())


@pytest.mark.parametrize("label", LABELS)
def test_an_operation_holds_what_its_description_promises(operated: Settings, label: str):
    app = create_app(operated, write_line=lambda line: None)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    (operation,) = (each for each in operations(schema) if each.label == label)
    outcome = fuzz(operation, examples=FAST_EXAMPLES)
    assert not outcome.failures, told(outcome)
    assert outcome.cases


def test_all_operations_are_tried_and_all_that_answer_bodies_have_a_valid_one(
    operated: Settings, valid: dict[str, Any]
):
    app = create_app(operated, write_line=lambda line: None)
    assert sorted(each.label for each in operations(schemathesis.openapi.from_asgi("/openapi.json", app))) == sorted(
        LABELS
    )
    client = TestClient(app)
    assert [client.post(path, json=body).status_code for path, body in valid.items()] == [200] * len(valid)


def test_a_planted_failure_is_found(operated: Settings, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr("reference_app.routes.v2_server.ServerMetadata", broken)
    app = create_app(operated, write_line=lambda line: None)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    (operation,) = (each for each in operations(schema) if each.label == "GET /v2")
    assert any("ServerError" in kind for kind in fuzz(operation, examples=1).failures)


@pytest.mark.proof
def test_ten_thousand_requests_make_no_failure_and_no_hang(operated: Settings, valid: dict[str, Any], tmp_path: Path):
    variables = {
        **variables_of(operated),
        "ADMIN_TOKEN_FILE": str(operated.admin_token_file),
        "PREDICTION_LOG": str(tmp_path / "log"),
    }
    total = Outcome()

    def add(outcome: Outcome) -> None:
        assert not outcome.failures, told(outcome)
        total.cases += outcome.cases
        total.statuses += outcome.statuses

    with (
        running_app(variables, tmp_path) as app,
        httpx2.Client(base_url=app.url, trust_env=False, timeout=SLOWEST_SECONDS) as client,
    ):
        started = time.monotonic()
        for operation in operations(load(app.url)):
            add(fuzz(operation, examples=150, timeout=SLOWEST_SECONDS))
        described = total.cases
        while total.cases < CASES:
            for path, body in valid.items():
                number = total.cases
                add(fuzz_bytes(client, path, json.dumps(body).encode(), cases=500, number=number))
        seconds = time.monotonic() - started
        assert client.post("/predict", json=valid["/predict"]).status_code == 200
        assert app.process.poll() is None
        assert "Traceback" not in app.log.read_text()
    statuses = Counter({status: 0 for _, status in total.statuses})
    for (_, status), count in total.statuses.items():
        statuses[status] += count
    print(f"\n{total.cases} requests, {described} of them from the description, in {seconds:.0f} s: {dict(statuses)}")
    assert max(statuses) < 500
