"""Registration against the real registry: what is told, and that telling it twice changes nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.contracts.bundle import fetch
from infra.contracts.names import OPERATOR
from infra.contracts.pipelines import (
    COMMIT_VARIABLE,
    LOCK_DIGEST_VARIABLE,
    RUN_VARIABLE,
    PipelineResult,
    input_digest_variable,
    input_variable,
    output_variable,
)
from pipelines.flights.columns import CATEGORICAL, FEATURES
from pipelines.flights.model.learner import from_bytes, late_probability
from pipelines.flights.variables import BUNDLES_VARIABLE, REGISTRY_VARIABLE
from tests.support.service import BYTE_CODE, REPO
from tests.support.training import PASSWORD, Trained

pytestmark = pytest.mark.model

INPUTS = ("raw", "quality", "model", "evaluation", "verdict")

# In a process of its own: MLflow takes seconds to import, keeps its tracking URI for ever and warns a lot.
CLIENT = """
import json, mlflow, pathlib
client = mlflow.MlflowClient()
versions = client.search_model_versions("name='flight-delay'")
runs = client.search_runs([client.get_experiment_by_name("flight-delay").experiment_id])
files = {}
for version in versions:
    folder = mlflow.artifacts.download_artifacts(version.source)
    files[version.version] = {path.name: path.read_bytes().hex()[:64] for path in pathlib.Path(folder).iterdir()}
print(json.dumps({
    "versions": [{"version": v.version, "tags": v.tags, "run": v.run_id, "status": v.status} for v in versions],
    "runs": {r.info.run_id: {"params": r.data.params, "metrics": r.data.metrics, "tags": r.data.tags,
                             "status": r.info.status} for r in runs},
    "files": files,
}))
"""
# What `mlflow models serve` does before it answers.
SERVE = """
import json, mlflow, sys
import pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[1])
example = model.input_example
inputs = model.metadata.get_input_schema()
print(json.dumps({
    "columns": inputs.input_names(), "types": [str(each) for each in inputs.input_types()],
    "outputs": model.metadata.get_output_schema().to_dict(),
    "example": example.to_dict("records"), "probability": model.predict(example).tolist(),
    "answers": model.predict(pd.read_parquet(sys.argv[2])).tolist(),
}))
"""
# What a kill leaves: the run of a model whose version was never made.
HALF = """
import pathlib, sys
from pipelines.flights.model import registry
wanted = registry.Registration(model="half", digest="sha256:half", params={"seed": "1"}, metrics={"auc": 0.5},
                               tags={"commit": "c0ffee"}, files={"model.json": b"{}"})
client = registry.connect(sys.argv[1], "highway", sys.argv[2])
run = registry.finished_run(client, wanted)
client.create_run(run.info.experiment_id, tags={"digest": "sha256:half"})  # and one killed before it was finished
versions = [registry.register(client, wanted) for _ in range(2)]
assert client.get_model_version("half", versions[0]).run_id == run.info.run_id
print(versions)
"""


def python(training: Trained, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    tracking = {
        "MLFLOW_TRACKING_URI": training.registry_url,
        "MLFLOW_TRACKING_USERNAME": OPERATOR,
        "MLFLOW_TRACKING_PASSWORD": PASSWORD,
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "PYTHONDONTWRITEBYTECODE": "",
    }
    return subprocess.run(
        [sys.executable, *words],
        env=os.environ | BYTE_CODE | tracking | environment, cwd=REPO, capture_output=True, text=True, check=False,
    )  # fmt: skip


def register(training: Trained, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    places = {
        **training.environment,
        **{input_variable(name): training.uri(name) for name in INPUTS},
        input_digest_variable("raw"): training.digest("raw"),
        output_variable("result"): folder.as_uri(),
        COMMIT_VARIABLE: "c0ffee",
        LOCK_DIGEST_VARIABLE: "sha256:lock",
        RUN_VARIABLE: "another-run",
        REGISTRY_VARIABLE: training.registry_url,
        BUNDLES_VARIABLE: (training.folder / "bundles").as_uri(),
    }
    return python(training, "-m", "pipelines.flights.model.register", **places | environment)


def test_a_version_carries_its_digest_lineage_metrics_and_files(training: Trained) -> None:
    asked = python(training, "-c", CLIENT)
    assert asked.returncode == 0, asked.stderr[-2000:]
    told = json.loads(asked.stdout.splitlines()[-1])
    result = training.run.result
    assert result
    assert result.digest
    version = next(each for each in told["versions"] if each["version"] == result.version)
    assert version["status"] == "READY"
    assert version["tags"] == {
        "digest": result.digest,
        "commit": "c0ffee",
        "data_digest": training.digest("raw"),
        "lock_digest": "sha256:lock",
        "run_id": training.run.run_id,
    }
    run = told["runs"][version["run"]]
    assert run["status"] == "FINISHED"
    assert run["metrics"] == result.metrics
    assert {"iterations": "200", "seed": "2013", "train_last_month": "2013-08"}.items() <= run["params"].items()
    assert version["tags"].items() <= run["tags"].items()
    bundle = fetch(training.folder / "bundles", result.digest)
    files = told["files"][result.version]
    assert {name: content.hex()[:64] for name, content in bundle.items()}.items() <= files.items()
    assert files.keys() - bundle.keys() >= {"MLmodel", "input_example.json", "evaluation.json", "checks.json"}


@pytest.mark.proof
def test_mlflow_itself_loads_the_model_with_signature_and_example(training: Trained, tmp_path: Path) -> None:
    result = training.run.result
    assert result
    rows = training.artifact("features").read_table("2013-09.parquet").to_pandas().head(200)[list(FEATURES)]
    rows.astype({name: float for name in FEATURES if name not in CATEGORICAL}).to_parquet(tmp_path / "rows.parquet")
    served = python(training, "-c", SERVE, f"models:/{result.model}/{result.version}", str(tmp_path / "rows.parquet"))
    assert served.returncode == 0, served.stderr[-2000:]
    told = json.loads(served.stdout.splitlines()[-1])
    assert told["columns"] == list(FEATURES)
    model = from_bytes(training.artifact("model").read_bytes("model.joblib"))
    assert [pair[1] for pair in told["answers"]] == late_probability(model, rows).tolist()
    assert told["example"] == [training.artifact("model").read_json("training.json")["reference"]]
    assert len(told["probability"]) == 1


def test_the_same_model_registered_again_is_the_same_version(training: Trained, tmp_path: Path) -> None:
    again = register(training, tmp_path)
    assert again.returncode == 0, again.stderr[-2000:]
    assert PipelineResult.model_validate_json((tmp_path / "result.json").read_bytes()) == training.run.result


@pytest.mark.proof
def test_a_model_of_another_lineage_is_another_version(training: Trained, tmp_path: Path) -> None:
    other = register(training, tmp_path, **{COMMIT_VARIABLE: "decade"})
    assert other.returncode == 0, other.stderr[-2000:]
    result = json.loads((tmp_path / "result.json").read_text())
    assert training.run.result
    assert result["version"] != training.run.result.version
    assert result["digest"] != training.run.result.digest


@pytest.mark.proof
def test_a_registration_that_was_killed_is_completed(training: Trained) -> None:
    done = python(training, "-c", HALF, training.registry_url, PASSWORD)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "['1', '1']"


@pytest.mark.proof
def test_a_registry_that_refuses_fails_the_step_in_one_line(training: Trained, tmp_path: Path) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("wrong")
    refused = register(training, tmp_path, HIGHWAY_OPERATOR_PASSWORD_FILE=str(wrong))
    assert refused.returncode == 1
    assert "refused or does not answer" in refused.stderr.splitlines()[-1]
    assert PASSWORD not in refused.stdout + refused.stderr
    assert not (tmp_path / "result.json").exists()


@pytest.mark.proof
def test_a_registry_that_is_down_fails_the_step_in_seconds(training: Trained, tmp_path: Path) -> None:
    down = register(training, tmp_path, **{REGISTRY_VARIABLE: "http://127.0.0.1:9"})
    assert down.returncode == 1
    assert "the model registry at http://127.0.0.1:9 refused or does not answer" in down.stderr
