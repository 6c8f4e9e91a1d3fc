"""Basic authentication before an app that has none."""

from pathlib import Path

import pytest
from fastapi import FastAPI, WebSocket
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from infra.operations.basic_auth import BasicAuth
from infra.operations.secret_files import SecretFileError

PASSWORD = "correct horse"


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "operator-password"
    path.write_text(PASSWORD + "\n")
    return path


@pytest.fixture
def client(password_file: Path) -> TestClient:
    app = FastAPI()

    @app.get("/{path:path}")
    def page(path: str) -> str:
        return path

    @app.websocket("/socket")
    async def socket(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("in")
        await socket.close()

    return TestClient(BasicAuth(app, password_file=password_file, open_paths=("/health",)))


def test_the_operator_is_let_in(client):
    assert client.get("/models", auth=("highway", PASSWORD)).json() == "models"


@pytest.mark.parametrize("authorization", [
    None, "", "Basic", "Basic !!!", "Basic /w==", "Bearer aGlnaHdheTpjb3JyZWN0IGhvcnNl",
    "Basic aGlnaHdheQ==", "Basic aGlnaHdheTo=", "Basic cm9vdDpjb3JyZWN0IGhvcnNl",
])  # fmt: skip
def test_others_are_refused_and_told_what_is_needed(client, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = client.get("/models", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert "operator-password" in answer.text
    assert PASSWORD not in answer.text


def test_only_the_paths_that_are_named_are_open(client):
    assert client.get("/health").status_code == 200
    for path in ("/health/", "/healthy", "/x/health", "//health", "/%2e/health/../models"):
        assert client.get(path).status_code == 401, path


def test_websockets_need_the_password_too(client):
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/socket"):
        pass
    basic = {"Authorization": "Basic aGlnaHdheTpjb3JyZWN0IGhvcnNl"}
    with client.websocket_connect("/socket", headers=basic) as socket:
        assert socket.receive_text() == "in"


def test_a_rotated_password_counts_at_once(client, password_file):
    password_file.write_text("another")
    assert client.get("/models", auth=("highway", PASSWORD)).status_code == 401
    assert client.get("/models", auth=("highway", "another")).status_code == 200


def test_a_server_without_a_password_does_not_start(tmp_path):
    with pytest.raises(SecretFileError, match="highway up"):
        BasicAuth(FastAPI(), password_file=tmp_path / "absent")
