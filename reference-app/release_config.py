"""What a release is made of, pinned by digests: the app program's stack configuration."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.contracts.errors import HighwayError
from infra.contracts.workload import Digest


class ReleaseConfigError(HighwayError):
    """Every problem of the configuration, a line each, with the key and what is allowed."""


class ReleaseConfig(BaseModel):
    """`highway release` sets it; so does `pulumi config set KEY VALUE`."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model_version: str = Field(
        min_length=1, max_length=64, description="the model's version in the registry, 1 to 64 characters"
    )
    model_digest: Digest = Field(description="the model bundle's digest, sha256: and 64 lower-case hex digits")
    app_digest: Digest = Field(description="the app's code bundle's digest, sha256: and 64 lower-case hex digits")
    commit: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{7,40}$", description="the commit of the app's code, 7 to 40 hex digits"
    )
    attempt: int = Field(default=1, ge=1, description="counts the tries of a release that was refused, from 1")
    owner: str = Field(default="app", min_length=1, description="the team that answers for the app")

    @classmethod
    def parse(cls, values: Mapping[str, str]) -> "ReleaseConfig":
        """From the project's own config values, all of them text. Raises `ReleaseConfigError`."""
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            lines = [cls._line(str(fault["loc"][0]), fault["type"], values) for fault in error.errors()]
            title = f"the release's configuration has {len(lines)} problem(s):"
            raise ReleaseConfigError("\n  ".join([title, *lines])) from error

    @classmethod
    def _line(cls, key: str, kind: str, values: Mapping[str, str]) -> str:
        if kind == "extra_forbidden":
            return f"{key}: unknown key; the keys are {', '.join(cls.model_fields)}"
        allowed = cls.model_fields[key].description
        if kind == "missing":
            return f"{key}: missing; set it to {allowed}, or let `highway release` set it"
        return f"{key}: {values[key]!r} is not allowed; it is {allowed}"
