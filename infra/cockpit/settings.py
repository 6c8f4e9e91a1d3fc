"""What the cockpit is told by its environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from infra.contracts.ledger import LedgerClient

PROMETHEUS_VARIABLE = "HIGHWAY_PROMETHEUS_URL"
PASSWORD_FILE_VARIABLE = "HIGHWAY_OPERATOR_PASSWORD_FILE"
REGISTRY_VARIABLE = "HIGHWAY_REGISTRY_URL"
GATEWAY_VARIABLE = "HIGHWAY_GATEWAY_URL"
RUNBOOKS = Path(__file__).resolve().parents[2] / "runbooks"


class CockpitSettings(BaseModel):
    """URLs have no trailing slash."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ledger: LedgerClient
    prometheus_url: str
    password_file: Path = Field(description="holds the operator's password, which Prometheus asks for")
    registry_url: str = Field(description="where a person looks at models and training runs")
    gateway_url: str = Field(description="where a person reaches what is released")
    runbooks: Path = Field(default=RUNBOOKS, description="folder of the runbooks that alerts link to")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Raises `KeyError` naming the variable that is missing."""
        return cls(
            ledger=LedgerClient.from_environment(),
            prometheus_url=environment[PROMETHEUS_VARIABLE],
            password_file=Path(environment[PASSWORD_FILE_VARIABLE]),
            registry_url=environment[REGISTRY_VARIABLE],
            gateway_url=environment[GATEWAY_VARIABLE],
        )
