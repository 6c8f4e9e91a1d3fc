"""What the registry is told by its environment, and what MLflow must find in its own."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from infra.operations.registry.variables import ARTIFACTS_VARIABLE, DATABASE_VARIABLE, PASSWORD_FILE_VARIABLE

PROXIED_ARTIFACTS = "mlflow-artifacts:/"


class RegistrySettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    database: str = Field(description="SQL URL of MLflow's backend store")
    artifacts: str = Field(description="where the server keeps artifacts; clients only ever see mlflow-artifacts:")
    password_file: Path = Field(description="holds the operator's password")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Raises `KeyError` naming the variable that is missing."""
        return cls(
            database=environment[DATABASE_VARIABLE],
            artifacts=environment[ARTIFACTS_VARIABLE],
            password_file=Path(environment[PASSWORD_FILE_VARIABLE]),
        )

    def mlflow_environment(self) -> dict[str, str]:
        """The variables through which `mlflow server` tells its workers what it was started with.

        Their names are constants of `mlflow.server.constants`, written out here because they must be set before
        anything of MLflow is imported; a test holds the two together."""
        return {
            "_MLFLOW_SERVER_FILE_STORE": self.database,
            "_MLFLOW_SERVER_REGISTRY_STORE": self.database,
            "_MLFLOW_SERVER_ARTIFACT_ROOT": PROXIED_ARTIFACTS,
            "_MLFLOW_SERVER_ARTIFACT_DESTINATION": self.artifacts,
            "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
            "_MLFLOW_SGI_NAME": "uvicorn",
            # Its job runner starts seven more processes of 1.1 GB for features that nobody here uses.
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "1",
        }
