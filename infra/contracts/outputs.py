"""What the platform promises to the programs that stand on it: its stack output `platform`.

The contract has a version (major.minor). A reader takes any platform of the same major version and at least
its own minor version; anything else is refused in one line.
"""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.contracts.errors import HighwayError

OUTPUT_NAME = "platform"
MAJOR, MINOR = 1, 0


class OutputsError(HighwayError):
    """The platform's outputs are missing or too old; the message says which version is needed."""


class Promise(BaseModel):
    # Extra fields come from a newer platform and are none of an older reader's business.
    model_config = ConfigDict(frozen=True, extra="ignore")


class StorageOutputs(Promise):
    """URIs without a trailing slash."""

    data_uri: str
    artifacts_uri: str
    logs_uri: str
    ledger_url: str
    ledger_secret: str = Field(description="name of the secret that holds the ledger's bearer token")
    ledger_outbox: str


class RegistryOutputs(Promise):
    tracking_url: str
    bundles_uri: str
    user: str
    password_secret: str


class RunnersOutputs(Promise):
    push_url: str


class ClusterOutputs(Promise):
    gateway_url: str


class MonitoringOutputs(Promise):
    prometheus_url: str
    alertmanager_url: str
    cockpit_url: str


class PlatformOutputs(Promise):
    contract_version: str = f"{MAJOR}.{MINOR}"
    substrate: str
    storage: StorageOutputs
    registry: RegistryOutputs
    runners: RunnersOutputs
    cluster: ClusterOutputs
    monitoring: MonitoringOutputs

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a stack output. Raises `OutputsError`."""
        needed = f"the platform must offer outputs contract {MAJOR}.{MINOR} or a newer {MAJOR}.x"
        if not isinstance(value, dict):
            raise OutputsError(f"the platform stack has no output {OUTPUT_NAME!r}: {needed}; run `highway up`")
        version = str(value.get("contract_version", "none"))
        major, _, minor = version.partition(".")
        if not (major.isdigit() and minor.isdigit()) or int(major) != MAJOR or int(minor) < MINOR:
            raise OutputsError(f"the platform offers outputs contract {version}: {needed}; update it with `highway up`")
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            missing = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors())
            raise OutputsError(f"the platform's outputs lack {missing}: {needed}") from error
