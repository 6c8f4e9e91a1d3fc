"""The platform's stack configuration, validated as a whole before the first resource.

`pulumi config set gateway_port 8080` sets one; an unknown key, a wrong type and a value out of range are all
reported at once, each with its key and what is allowed.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.contracts.errors import HighwayError

Port = Annotated[int, Field(ge=1024, le=65535)]


class ConfigurationError(HighwayError):
    """Every problem of a stack's configuration, a line each."""


class StackConfig(BaseModel):
    """Options of the platform program. A port that is not set is chosen, and kept, by the substrate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    substrate: Literal["local"] = Field(default="local", description="where the highway stands")
    owner: str = Field(default="platform", min_length=1, description="the team that answers for the platform")
    gateway_port: Port | None = Field(default=None, description="where users reach the apps")
    cockpit_port: Port | None = Field(default=None, description="the SRE cockpit")
    registry_port: Port | None = Field(default=None, description="MLflow")
    prometheus_port: Port | None = Field(default=None, description="Prometheus")
    alertmanager_port: Port | None = Field(default=None, description="Alertmanager")
    disk_budget_gibibytes: int = Field(default=8, ge=1, description="what data and logs may fill")
    metrics_retention_days: int = Field(default=15, ge=1, le=365, description="how long Prometheus keeps samples")

    @classmethod
    def parse(cls, raw: Mapping[str, str]) -> "StackConfig":
        """From Pulumi's config values (all of them text). Raises `ConfigurationError`."""
        try:
            return cls.model_validate(dict(raw))
        except ValidationError as error:
            raise ConfigurationError("\n".join(_lines(cls, error))) from error


def project_values(config: Mapping[str, str], project: str) -> dict[str, str]:
    """The values of one project, without its prefix."""
    prefix = f"{project}:"
    return {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}


def _lines(model: type[BaseModel], error: ValidationError) -> list[str]:
    known = ", ".join(model.model_fields)
    problems = []
    for fault in error.errors():
        key = ".".join(map(str, fault["loc"]))
        if fault["type"] == "extra_forbidden":
            problems.append(f"{key}: unknown key; the keys are {known}")
        else:
            problems.append(f"{key}: {fault['input']!r} is not allowed: {fault['msg']}")
    return [f"the stack's configuration has {len(problems)} problem(s):", *(f"  {line}" for line in problems)]
