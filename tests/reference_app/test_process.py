"""The app as a process: it starts only with its model, imports only what it needs, and leaves without losing work."""

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from reference_app.code_bundle import build_files
from reference_app.settings import Settings

from infra.contracts.bundle import publish, unpack
from tests.support.app_process import RunningApp, environment, running_app, variables_of
from tests.support.service import free_port

REPO = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def variables(settings: Settings) -> dict[str, str]:
    return {**variables_of(settings), "DRAIN_NOTICE_SECONDS": "0.6"}


def _begin_predict(app: RunningApp, body: bytes) -> socket.socket:
    """A client whose request is under way: everything but the last byte is sent."""
    client = socket.create_connection(("127.0.0.1", app.port), timeout=10)
    head = f"POST /predict HTTP/1.1\r\nHost: app\r\nContent-Length: {len(body)}\r\n\r\n"
    client.sendall(head.encode() + body[:-1])
    return client


def test_sigterm_ends_it_with_0_and_no_request_lost(variables: dict[str, str], flight: dict[str, Any], tmp_path: Path):
    body = json.dumps(flight).encode()
    with running_app(variables, tmp_path) as app, httpx2.Client(base_url=app.url, trust_env=False) as kept:
        assert kept.post("/predict", json=flight).status_code == 200
        slow = _begin_predict(app, body)
        assert kept.get("/health").status_code == 200, "by now the slow request has been taken"
        app.process.send_signal(signal.SIGTERM)
        time.sleep(0.15)
        notice = kept.get("/ready")
        assert (notice.status_code, notice.json()["status"]) == (503, "draining")
        assert notice.headers["connection"] == "close", "a kept connection ends between requests, not within one"
        assert kept.post("/predict", json=flight).status_code == 200, "still served while others take notice"
        time.sleep(0.9)
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"{app.url}/ready", trust_env=False)
        slow.sendall(body[-1:])
        answer = slow.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200"), "the request that was under way is answered"
        slow.close()
        assert app.process.wait(10) == 0
        lines = [json.loads(line) for line in app.log.read_text().splitlines()]
    assert lines[-1]["message"] == "drained and stopped"
    requests = [line for line in lines if line["message"] == "request"]
    assert [(line["route"], line["status"]) for line in requests] == [
        ("/predict", 200),
        ("/ready", 503),
        ("/predict", 200),
        ("/predict", 200),
    ]


def test_a_tampered_model_stops_the_start_with_one_line(variables: dict[str, str], tmp_path: Path):
    digest = publish(tmp_path, {"model.joblib": b"", "model.json": b"{}"})
    (bundle,) = (tmp_path / "sha256").iterdir()
    bundle.write_bytes(bundle.read_bytes() + b"\0")
    tampered = {**variables, "PORT": str(free_port()), "BUNDLES": str(tmp_path), "MODEL_DIGEST": digest}
    ended = subprocess.run(
        [sys.executable, "-m", "reference_app"],
        check=False,
        cwd=tmp_path,
        env=environment(tampered),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode != 0
    (line,) = (ended.stdout + ended.stderr).splitlines()
    assert "it was altered, remove it and publish it again" in line


def test_the_code_bundle_runs_by_itself(variables: dict[str, str], flight: dict[str, Any], tmp_path: Path):
    files = build_files(REPO)
    digest = publish(tmp_path / "store", files)
    assert publish(tmp_path / "again", build_files(REPO)) == digest, "the same sources are the same bundle"
    code = unpack(tmp_path / "store", digest, tmp_path / "code")
    empty = tmp_path / "empty"
    empty.mkdir()
    with running_app({**variables, "PYTHONPATH": str(code)}, empty) as app:
        assert httpx2.post(f"{app.url}/predict", json=flight, trust_env=False).status_code == 200
        assert "Will my flight be late?" in httpx2.get(app.url, trust_env=False).text
        assert "--ground" in httpx2.get(f"{app.url}/static/page.css", trust_env=False).text
    # -X importtime would name modules, not files: ask the modules themselves.
    script = (
        "import json, os, sys; from reference_app import app, server, settings; "
        "app.create_app(settings.load_settings(os.environ)); "
        "print(json.dumps({name: getattr(module, '__file__', None) for name, module in sys.modules.items()}))"
    )
    asked = subprocess.run(
        [sys.executable, "-c", script],
        cwd=empty,
        env=environment({**variables, "PYTHONPATH": str(code), "PORT": "8080"}),
        capture_output=True,
        text=True,
        check=True,
    )
    modules: dict[str, str | None] = json.loads(asked.stdout)
    ours = {name: file for name, file in modules.items() if name.split(".")[0] in {"reference_app", "infra"}}
    assert all(file is None or Path(file).is_relative_to(code) for file in ours.values()), ours
    # What deploys, trains or registers, and what only the fallback needs: each costs memory and time to start.
    unwanted = {"pulumi", "mlflow", "pipelines", "policies", "sklearn", "joblib", "pandas", "pyarrow", "scipy", "onnx"}
    found = unwanted & {name.split(".")[0] for name in modules}
    assert not found, f"the app imports {found}"
