"""The model registry: one run and one version for each digest, however often it is registered."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode

from pipelines.flights.model.tags import DIGEST_TAG

FOLDER = "model"  # of the run's artifacts
_EXISTS = ErrorCode.Name(RESOURCE_ALREADY_EXISTS)


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What is told of one model. `tags` are on the run and on the version; all of it is identified by `digest`."""

    model: str
    digest: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    files: Mapping[str, bytes]


def connect(url: str, user: str, password: str) -> MlflowClient:
    """Changes this process's environment, where MLflow looks for the password."""
    os.environ |= {
        "MLFLOW_TRACKING_USERNAME": user,
        "MLFLOW_TRACKING_PASSWORD": password,
        # A registry that is down shall fail the step in seconds; trying again is the pipeline's business.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    }
    mlflow.set_tracking_uri(url)
    return MlflowClient(url)


def register(client: MlflowClient, wanted: Registration) -> str:
    """The version of the model with this digest; makes what is missing of it. Raises `MlflowException`.

    Safe to repeat after a kill at any point, but not for two callers at once: MLflow has no unique tags."""
    try:
        client.create_registered_model(wanted.model)
    except MlflowException as error:
        if error.error_code != _EXISTS:
            raise
    for version in client.search_model_versions(f"name='{wanted.model}' and tags.{DIGEST_TAG}='{wanted.digest}'"):
        return str(version.version)
    run = finished_run(client, wanted)
    version = client.create_model_version(
        wanted.model,
        source=f"{run.info.artifact_uri}/{FOLDER}",
        run_id=run.info.run_id,
        tags={**wanted.tags, DIGEST_TAG: wanted.digest},
    )
    return str(version.version)


def finished_run(client: MlflowClient, wanted: Registration) -> Run:
    """The finished run of this digest in the experiment `wanted.model`, made unless it is there. One that a kill left
    unfinished stays as it is and is not taken."""
    experiment = client.get_experiment_by_name(wanted.model)
    experiment_id = experiment.experiment_id if experiment else client.create_experiment(wanted.model)
    finished = client.search_runs(
        [experiment_id], f"tags.{DIGEST_TAG}='{wanted.digest}' and attributes.status='FINISHED'", max_results=1
    )
    if finished:
        return finished[0]
    run = client.create_run(experiment_id, tags={**wanted.tags, DIGEST_TAG: wanted.digest})
    at = run.info.start_time
    client.log_batch(
        run.info.run_id,
        metrics=[Metric(name, value, at, 0) for name, value in wanted.metrics.items()],
        params=[Param(name, value) for name, value in wanted.params.items()],
        tags=[RunTag("mlflow.runName", wanted.digest.removeprefix("sha256:")[:12])],
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, content in wanted.files.items():
            (Path(folder) / name).write_bytes(content)
        client.log_artifacts(run.info.run_id, folder, FOLDER)
    client.set_terminated(run.info.run_id, "FINISHED")
    return run
