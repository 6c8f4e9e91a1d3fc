"""The Open Inference Protocol: its names, its types, its errors, and the same answers as /predict."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from reference_app.app import create_app
from reference_app.settings import Settings

from tests.support.flight_model import PublishedModel, flights

INFER = "/v2/models/flight-delay/infer"
CODES = ("carrier", "origin", "destination")
INTEGERS = ("month", "day_of_week", "scheduled_departure_minute", "scheduled_arrival_minute")


def tensor(name: str, values: list[Any], **change: Any) -> dict[str, Any]:
    datatype = "BYTES" if name in CODES else "INT64" if name in INTEGERS else "FP64"
    return {"name": name, "shape": [len(values)], "datatype": datatype, "data": values, **change}


@pytest.fixture(scope="module")
def rows(published: PublishedModel) -> dict[str, list[Any]]:
    """Columns of 20 flights by feature."""
    frame = flights(rows=20, seed=5)
    frame["dew_point_f"] = frame["dew_point_f"].clip(-150, 100)
    return {str(name): frame[name].tolist() for name in frame.columns}


@pytest.fixture
def inputs(rows: dict[str, list[Any]]) -> dict[str, dict[str, Any]]:
    return {name: tensor(name, values) for name, values in rows.items()}


def test_the_server_and_the_model_describe_themselves(client: TestClient, published: PublishedModel):
    assert client.get("/v2").json() == {"name": "reference-app", "version": "abc1234", "extensions": []}
    for path in ("/v2/models/flight-delay", "/v2/models/flight-delay/versions/7"):
        model = client.get(path).json()
        assert (model["name"], model["versions"]) == ("flight-delay", ["7"])
        assert [each["name"] for each in model["inputs"]] == published.card["features"]
        types = {each["name"]: (each["datatype"], each["shape"]) for each in model["inputs"]}
        assert types["carrier"] == ("BYTES", [-1])
        assert types["month"] == ("INT64", [-1])
        assert types["temperature_f"] == ("FP64", [-1])
        assert model["outputs"] == [{"name": "probability_late", "datatype": "FP64", "shape": [-1]}]


def test_health_follows_the_life_of_the_app(settings: Settings):
    app = create_app(settings)
    client = TestClient(app)
    ready = ("/v2/health/ready", "/v2/models/flight-delay/ready", "/v2/models/flight-delay/versions/7/ready")
    assert client.get("/v2/health/live").json() == {"live": True}
    assert [client.get(path).status_code for path in ready] == [200, 200, 200]
    assert client.get(ready[1]).json() == {"name": "flight-delay", "ready": True}
    app.state.services.lifecycle.is_draining = True
    assert client.get("/v2/health/live").status_code == 200
    assert [(client.get(path).status_code, client.get(path).json()["ready"]) for path in ready] == [(503, False)] * 3


def test_rows_of_tensors_get_the_models_own_answers(
    client: TestClient, published: PublishedModel, rows: dict[str, list[Any]], inputs: dict[str, dict[str, Any]]
):
    asked = {"id": "42", "inputs": list(inputs.values()), "outputs": [{"name": "probability_late"}]}
    said = client.post(INFER, json=asked).json()
    expected = published.pipeline.predict_proba(flights(rows=20, seed=5))[:, 1]
    (output,) = said.pop("outputs")
    assert output.pop("data") == pytest.approx(list(expected), abs=1e-5)
    assert output == {"name": "probability_late", "shape": [20], "datatype": "FP64"}
    parameters = {"model_digest": published.digest, "assumed": ""}
    assert said == {"model_name": "flight-delay", "model_version": "7", "id": "42", "parameters": parameters}


def test_columns_may_be_nested_and_of_other_numeric_types(client: TestClient, inputs: dict[str, dict[str, Any]]):
    plain = client.post(INFER, json={"inputs": list(inputs.values())}).json()["outputs"]
    nested = [
        {
            **each,
            "shape": [20, 1],
            "data": [[value] for value in each["data"]],
            "datatype": each["datatype"].replace("64", "32"),
        }
        for each in inputs.values()
    ]
    assert client.post("/v2/models/flight-delay/versions/7/infer", json={"inputs": nested}).json()["outputs"] == plain


def test_one_matrix_of_features_means_the_same(
    client: TestClient, published: PublishedModel, inputs: dict[str, dict[str, Any]]
):
    plain = client.post(INFER, json={"inputs": list(inputs.values())}).json()["outputs"]
    codes = published.card["categorical"]
    columns = [
        [codes[name].index(value) for value in each["data"]] if name in codes else each["data"]
        for name, each in inputs.items()
    ]
    matrix = {
        "name": "features",
        "shape": [20, len(columns)],
        "datatype": "FP32",
        "data": list(zip(*columns, strict=True)),
    }
    assert client.post(INFER, json={"inputs": [matrix]}).json()["outputs"] == plain


def test_what_is_left_out_is_typical_and_said_to_be(client: TestClient, inputs: dict[str, dict[str, Any]]):
    known = [inputs[name] for name in (*CODES, *INTEGERS)]
    said = client.post(INFER, json={"inputs": known}, headers={"X-Request-Id": "trip-42"}).json()
    assert said["id"] == "trip-42"
    assert said["parameters"]["assumed"].startswith("temperature_f,dew_point_f")
    assert "distance" not in said["parameters"]["assumed"], "it comes from the route"
    unknown = tensor("temperature_f", [None] * 20)
    assert client.post(INFER, json={"inputs": [*known, unknown]}).json()["outputs"] == said["outputs"]


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("carrier", {"datatype": "INT64"}, "carrier is of type 'INT64'; use BYTES"),
        ("carrier", {"data": ["ZZ"] * 20}, "row 0: carrier: not known to this model; use one of 9E"),
        ("carrier", {"data": ["B6"] * 19}, "has 19 values; shape [20] means 20"),
        ("carrier", {"shape": [19], "data": ["B6"] * 19}, "send as many of each"),
        ("carrier", {"shape": [10, 2]}, "use [n] or [n, 1]"),
        ("carrier", {"shape": [-20]}, "inputs.4.shape.0"),
        ("carrier", {"name": "destination"}, "repeat a name"),
        ("carrier", {"name": "seat"}, "no input 'seat'; send month"),
        ("carrier", {"name": "x" * 5000}, "no input 'xxx"),
        ("carrier", {"data": [1] * 20}, "send text"),
        ("month", {"data": [13] * 20}, "month: 13 is out of bounds; use a number from 1 to 12"),
        ("month", {"data": [1.5] * 20}, "1.5 is not whole"),
        ("month", {"data": [True] * 20}, "True in input month is not of its type; send numbers"),
        ("month", {"data": [10**400] * 20}, "out of bounds"),
        ("temperature_f", {"data": [300] * 20}, "and 15 rows more"),
        ("temperature_f", {"data": {"0": 1}}, "inputs.8.data"),
        ("temperature_f", {"shape": [10**12]}, "send at most 1000 at once"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_as_the_protocol_says_with_what_to_send(
    client: TestClient, inputs: dict[str, dict[str, Any]], name: str, change: dict[str, Any], says: str
):
    sent = [{**each, **change} if each["name"] == name else each for each in inputs.values()]
    answer = client.post(INFER, json={"inputs": sent})
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}
    assert says in answer.json()["error"]
    assert len(answer.text) < 2000


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"inputs": []}', b'{"inputs": [{"name": NaN}]}', b"[" * 9000])
def test_what_is_no_request_is_refused_in_words(client: TestClient, body: bytes):
    answer = client.post(INFER, content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_missing_inputs_are_named(client: TestClient, inputs: dict[str, dict[str, Any]]):
    answer = client.post(INFER, json={"inputs": [inputs["carrier"], inputs["origin"]]})
    assert "the inputs lack month, day_of_week" in answer.json()["error"]


def test_an_output_that_is_not_there_is_refused(client: TestClient, inputs: dict[str, dict[str, Any]]):
    answer = client.post(INFER, json={"inputs": list(inputs.values()), "outputs": [{"name": "gate"}]})
    assert (answer.status_code, "ask for probability_late" in answer.json()["error"]) == (400, True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/other", 404),
        ("GET", "/v2/models/flight-delay/versions/8", 404),
        ("GET", "/v2/models/flight-delay/versions/8/ready", 404),
        ("POST", "/v2/models/other/infer", 404),
        ("POST", "/v2/models/flight-delay/versions/8/infer", 404),
        ("GET", "/v2/nowhere", 404),
        ("GET", INFER, 405),
    ],
)
def test_every_error_has_the_protocols_shape(client: TestClient, method: str, path: str, status: int):
    answer = client.request(method, path, json={})
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert answer.json()["error"]


def test_a_failure_of_ours_has_the_protocols_shape_too(
    client: TestClient, inputs: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object) -> None:
        raise RuntimeError("the model is gone")

    monkeypatch.setattr("reference_app.model.Model.score", broken)
    answer = client.post(INFER, json={"inputs": list(inputs.values())})
    assert (answer.status_code, list(answer.json())) == (500, ["error"])
