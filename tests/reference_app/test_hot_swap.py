"""Another model while the app runs: asked for with a token, verified first, and no request lost."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from reference_app.app import create_app
from reference_app.model import load_model
from reference_app.settings import Settings

from infra.contracts.bundle import path_in, publish
from tests.support.app_process import running_app, variables_of
from tests.support.flight_model import PublishedModel, bundle_files, onnx_files
from tests.support.traffic import send

LOAD = "/v2/repository/models/flight-delay/load"
TOKEN = "0123456789abcdef"
ALLOWED = {"Authorization": f"Bearer {TOKEN}"}


def publish_variant(published: PublishedModel, **change: Any) -> str:
    """The same model as another bundle."""
    card = {**published.card, **change}
    return publish(published.store, {**bundle_files(published.pipeline, card), **onnx_files(published.pipeline, card)})


def parameters(digest: str, version: str = "8") -> dict[str, Any]:
    return {"parameters": {"digest": digest, "version": version}}


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


@pytest.fixture
def operated(settings: Settings, token_file: Path) -> Iterator[TestClient]:
    with TestClient(create_app(settings.model_copy(update={"admin_token_file": token_file}))) as client:
        yield client


def test_the_other_model_answers_from_then_on_and_says_so_everywhere(
    operated: TestClient, published: PublishedModel, flight: dict[str, Any]
):
    other = publish_variant(published, note="another bundle")
    loaded = operated.post(LOAD, json=parameters(other), headers=ALLOWED)
    assert loaded.json() == {"name": "flight-delay", "version": "8", "digest": other, "origin": "registry"}
    said = operated.post("/predict", json=flight).json()
    assert (said["model_version"], said["model_digest"]) == ("8", other)
    assert operated.get("/ready").json()["model_digest"] == other
    assert operated.get("/v2/models/flight-delay").json()["versions"] == ["8"]
    infos = [line for line in operated.get("/metrics").text.splitlines() if line.startswith("model_info{")]
    assert len(infos) == 1
    assert other in infos[0]
    assert 'predictions_total{model_version="8",outcome="ok"} 1.0' in operated.get("/metrics").text
    assert operated.get("/v2").json()["extensions"] == ["model_repository(load)"]


def test_without_the_setting_there_is_nothing_to_ask(client: TestClient, published: PublishedModel):
    answer = client.post(LOAD, json=parameters(published.digest), headers=ALLOWED)
    assert (answer.status_code, "set ADMIN_TOKEN_FILE" in answer.json()["error"]) == (404, True)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (None, 401),
        ("Basic aGlnaHdheQ==", 401),
        ("Bearer", 401),
        ("Bearer wrong", 403),
        (f"Bearer {TOKEN}x", 403),
        (f"Bearer {TOKEN[:-1]}", 403),
        ("Bearer t\u00f6ken".encode(), 403),
    ],
)
def test_only_the_right_token_may(
    operated: TestClient, published: PublishedModel, given: str | bytes | None, status: int
):
    headers = {} if given is None else {"Authorization": given}
    answer = operated.post(LOAD, json=parameters(published.digest), headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == status
    assert answer.json()["error"]
    assert (answer.headers.get("www-authenticate") == "Bearer") is (status == 401)


@pytest.mark.parametrize("content", ["", "\n", None])
def test_no_token_in_the_file_allows_nobody(
    operated: TestClient, published: PublishedModel, token_file: Path, content: str | None
):
    if content is None:
        token_file.unlink()
    else:
        token_file.write_text(content)
    swap = operated.app.state.services.hot_swap  # type: ignore[attr-defined]
    assert not swap.allows(""), "an empty token is no match for an empty file"
    assert operated.post(LOAD, json=parameters(published.digest), headers=ALLOWED).status_code == 403


def test_a_model_that_cannot_be_served_leaves_the_old_one_serving_and_says_why(
    operated: TestClient, published: PublishedModel, flight: dict[str, Any]
):
    before = operated.post("/predict", json=flight).json()
    tampered = publish_variant(published, note="tampered")
    path_in(published.store, tampered).write_bytes(b"evil")
    stranger = publish_variant(published, name="stranger")
    no_model = publish(published.store, {"main.py": b""})
    for body, status, says in [
        (parameters("sha256:" + "0" * 64), 422, "no bundle"),
        (parameters(tampered), 422, "it was altered"),
        (parameters(no_model), 422, "it is not a model"),
        (parameters(stranger), 409, "is stranger, and flight-delay is served here"),
        (parameters("latest"), 400, "parameters.digest"),
        ({}, 400, "parameters"),
        ({"parameters": {**parameters(published.digest)["parameters"], "x": 1}}, 400, "parameters.x"),
    ]:
        answer = operated.post(LOAD, json=body, headers=ALLOWED)
        assert answer.status_code == status, answer.text
        assert says in answer.json()["error"]
        after = operated.post("/predict", json=flight).json()
        assert {**after, "request_id": ""} == {**before, "request_id": ""}
    other_name = operated.post("/v2/repository/models/other/load", json=parameters(published.digest), headers=ALLOWED)
    assert other_name.status_code == 404
    path_in(published.store, tampered).unlink()


def test_one_model_is_loaded_at_a_time(
    operated: TestClient, published: PublishedModel, monkeypatch: pytest.MonkeyPatch
):
    begun, finish = threading.Event(), threading.Event()

    def slow(*arguments: Any) -> Any:
        begun.set()
        assert finish.wait(10)
        return load_model(*arguments)

    monkeypatch.setattr("reference_app.app.load_model", slow)
    first: list[int] = []
    body = parameters(published.digest)
    thread = threading.Thread(target=lambda: first.append(operated.post(LOAD, json=body, headers=ALLOWED).status_code))
    thread.start()
    assert begun.wait(10)
    second = operated.post(LOAD, json=body, headers=ALLOWED)
    finish.set()
    thread.join(10)
    assert (first, second.status_code) == ([200], 409)
    assert operated.post(LOAD, json=body, headers=ALLOWED).status_code == 200, "it is over, whatever came between"


@pytest.mark.proof
def test_no_request_is_lost_and_each_is_answered_by_a_model_that_was_current(
    settings: Settings, published: PublishedModel, flight: dict[str, Any], token_file: Path, tmp_path: Path
):
    digests = [published.digest, *(publish_variant(published, note=f"swap {number}") for number in range(2))]
    variables = {**variables_of(settings), "ADMIN_TOKEN_FILE": str(token_file)}
    requests, rate, swaps = 2400, 400, 9
    # digest -> the times between which it may have answered: from when it was asked for, until the next was there
    current: list[tuple[str, float, float]] = []

    def swap_often(url: str) -> None:
        asked = time.monotonic()
        with httpx2.Client(base_url=url, trust_env=False, timeout=20) as client:
            for number in range(1, swaps + 1):
                time.sleep(0.4)
                next_asked = time.monotonic()
                loaded = client.post(LOAD, json=parameters(digests[number % 3], f"v{number}"), headers=ALLOWED)
                assert loaded.status_code == 200
                current.append((digests[(number - 1) % 3], asked, time.monotonic()))
                asked = next_asked
        current.append((digests[swaps % 3], asked, float("inf")))

    with running_app(variables, tmp_path) as app:
        swapper = threading.Thread(target=swap_often, args=(app.url,))
        swapper.start()
        body = json.dumps(flight).encode()
        report = asyncio.run(
            send(app.url.removeprefix("http://"), path="/predict", requests=requests, rate=rate, body=body)
        )
        swapper.join(30)
        metrics = httpx2.get(f"{app.url}/metrics", trust_env=False).text
    assert report.lost == []
    assert len(report.answers) == requests
    assert len(current) == swaps + 1, "all swaps were made while requests came"
    for answer in report.answers:
        digest = json.loads(answer.body)["model_digest"]
        assert any(
            digest == name and begun <= answer.received and answer.sent <= ended for name, begun, ended in current
        )
    assert {json.loads(answer.body)["model_digest"] for answer in report.answers} == set(digests)
    assert f'model_info{{digest="{digests[swaps % 3]}"' in metrics
    answered = [line for line in metrics.splitlines() if 'outcome="ok"' in line]
    assert sum(float(line.rpartition(" ")[2]) for line in answered) == requests, "counted under their own versions"
