"""The registry as a real process, used through MLflow's own client."""

import importlib.util
import os
import runpy
import subprocess
import sys
from pathlib import Path

import httpx2
import psutil
import pytest

from infra.operations.registry.settings import RegistrySettings
from tests.support.service import RunningService, module, running

PASSWORD = "a-password"
MEGABYTE = 1_000_000

CLIENT = """
import pathlib, mlflow, sys
folder = pathlib.Path(sys.argv[1])
mlflow.set_experiment("flights")
with mlflow.start_run() as run:
    mlflow.log_param("learning_rate", 0.1)
    mlflow.log_metric("auc", 0.71)
    (folder / "model.bin").write_bytes(bytes(range(256)) * 4096)
    mlflow.log_artifact(folder / "model.bin", "model")
client = mlflow.MlflowClient()
client.create_registered_model("flight-delay")
source = f"{run.info.artifact_uri}/model"
assert source.startswith("mlflow-artifacts:/"), source
version = client.create_model_version("flight-delay", source, run.info.run_id, tags={"digest": "sha256:0"})
down = mlflow.artifacts.download_artifacts(f"{source}/model.bin", dst_path=str(folder / "down"))
assert pathlib.Path(down).read_bytes() == (folder / "model.bin").read_bytes()
assert client.get_model_version("flight-delay", version.version).tags == {"digest": "sha256:0"}
assert client.get_run(run.info.run_id).data.metrics == {"auc": 0.71}
print("done")
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "operator-password").write_text(PASSWORD)
    return {
        "HIGHWAY_REGISTRY_DATABASE": f"sqlite:///{tmp_path / 'mlflow.db'}",
        "HIGHWAY_REGISTRY_ARTIFACTS": str(tmp_path / "artifacts"),
        "HIGHWAY_OPERATOR_PASSWORD_FILE": str(tmp_path / "operator-password"),
    }


def test_the_names_of_mlflows_own_variables_are_still_these(tmp_path):
    # Read by path: importing it would import all of MLflow's server.
    package = importlib.util.find_spec("mlflow")
    assert package
    assert package.origin
    constants = runpy.run_path(str(Path(package.origin).parent / "server" / "constants.py"))
    ours = RegistrySettings(database="d", artifacts="a", password_file=tmp_path).mlflow_environment()
    names = ("BACKEND_STORE_URI", "REGISTRY_STORE_URI", "ARTIFACT_ROOT", "ARTIFACTS_DESTINATION", "SERVE_ARTIFACTS")
    assert {constants[f"{name}_ENV_VAR"] for name in names} <= set(ours)


def use(service: RunningService, folder: Path, **credentials: str) -> subprocess.CompletedProcess[str]:
    tracking = {"MLFLOW_TRACKING_URI": service.url, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CLIENT, str(folder)],
        env=os.environ | tracking | credentials, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.proof
def test_a_client_with_the_password_logs_registers_and_downloads_and_others_are_refused(tmp_path, environment):
    with running(module("infra.operations.registry"), log=tmp_path / "log", environment=environment) as service:
        used = use(service, tmp_path, MLFLOW_TRACKING_USERNAME="highway", MLFLOW_TRACKING_PASSWORD=PASSWORD)
        assert used.stdout.splitlines()[-1:] == ["done"], used.stderr[-2000:]
        assert "401" in use(service, tmp_path).stderr
        for path in ("/", "/api/2.0/mlflow/experiments/search", "/api/2.0/mlflow-artifacts/artifacts", "/version"):
            assert httpx2.get(service.url + path).status_code == 401
        process = psutil.Process(service.process.pid)
        assert process.children(recursive=True) == []
        assert process.memory_info().rss < 400 * MEGABYTE
        assert (tmp_path / "mlflow.db").stat().st_mode & 0o077 == 0


@pytest.mark.proof
def test_the_registry_is_back_within_ten_seconds_of_a_kill_with_its_data(tmp_path, environment):
    command = module("infra.operations.registry")
    with running(command, log=tmp_path / "log", environment=environment) as first:
        used = use(first, tmp_path, MLFLOW_TRACKING_USERNAME="highway", MLFLOW_TRACKING_PASSWORD=PASSWORD)
        assert used.returncode == 0, used.stderr[-2000:]
        first.process.kill()
        first.process.wait()
        port = int(first.url.rpartition(":")[2])
        with running(command, log=tmp_path / "log", environment=environment, port=port) as second:
            print(f"back after {second.seconds_to_ready:.1f} s")
            assert second.seconds_to_ready < 10
            question = f"{second.url}/api/2.0/mlflow/registered-models/get?name=flight-delay"
            assert "flight-delay" in httpx2.get(question, auth=("highway", PASSWORD)).raise_for_status().text
