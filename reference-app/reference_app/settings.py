"""Everything that can be set from outside, read once at start."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError

from infra.contracts.errors import HighwayError


class SettingsError(HighwayError):
    """The environment is not usable; `problems` has one line for each variable, with what to set."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _folder(value: object) -> object:
    """A path from a path or a file: URI."""
    parts = urlsplit(str(value))
    if str(value) and not parts.scheme:
        return value
    # An empty text would be the folder where the app happens to run, and what follows ? or # would be cut off.
    if not str(value).startswith("file:///") or parts.query or parts.fragment:
        raise PydanticCustomError("folder", "only a folder's path or a file:/// URI can be read")
    return url2pathname(parts.path)


class Settings(BaseModel):
    """Each field is the environment variable of the same name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bundles: Annotated[Path, BeforeValidator(_folder)] = Field(
        description="the bundle store that holds the model, as a folder's path or file:/// URI"
    )
    model_digest: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")] = Field(
        description="the model bundle's digest, sha256: and 64 lower-case hex digits"
    )
    model_version: str = Field(
        min_length=1, max_length=64, description="the model's version in the registry, 1 to 64 characters"
    )
    app_version: str = Field(
        min_length=1, max_length=64, description="the commit this app was built from, 1 to 64 characters"
    )
    port: int = Field(ge=1, le=65535, description="the loopback port to listen on, 1 to 65535")
    max_body_bytes: int = Field(
        default=16_384, ge=256, le=1_048_576, description="largest request body, 256 to 1048576 bytes"
    )
    max_batch_rows: int = Field(
        default=1000, ge=1, le=100_000, description="most rows of a batch or an inference request, 1 to 100000"
    )
    max_batch_body_bytes: int = Field(
        default=1_048_576, ge=256, le=67_108_864, description="largest body of such a request, 256 to 67108864 bytes"
    )
    body_timeout_seconds: float = Field(
        default=5, gt=0, le=60, description="how long a client may take to send its request, up to 60"
    )
    admin_token_file: Path | None = Field(
        default=None, description="the file with the token of who may load another model; without it nobody may"
    )
    model_cache: Annotated[Path, BeforeValidator(_folder)] | None = Field(
        default=None, description="where verified models are kept for a store that is away, as a path or file:/// URI"
    )
    prediction_log: Annotated[Path, BeforeValidator(_folder)] | None = Field(
        default=None, description="where predictions are written down, as a folder's path or file:/// URI"
    )
    prediction_log_max_bytes: int = Field(
        default=67_108_864, ge=4096, le=4_294_967_296, description="largest file of that log, 4096 to 4294967296 bytes"
    )
    prediction_log_max_age_seconds: float = Field(
        default=3600, gt=0, le=86_400, description="time after which its next file begins, up to 86400"
    )
    prediction_log_most_waiting: int = Field(
        default=10_000, ge=1, le=1_000_000, description="predictions that may wait for the disk, 1 to 1000000"
    )
    most_waiting: int = Field(
        default=128, ge=1, le=100_000, description="requests that may wait for their turn, 1 to 100000"
    )
    traces_endpoint: Annotated[str, StringConstraints(pattern=r"^https?://[^/]+/?$")] | None = Field(
        default=None, description="the OTLP/HTTP collector that traces go to, such as http://127.0.0.1:4318"
    )
    traces_ratio: float = Field(
        default=1, ge=0, le=1, description="share of the requests that are traced when the caller does not say, 0 to 1"
    )
    drain_notice_seconds: float = Field(
        default=0.5, ge=0, le=30, description="time between not ready and closing the listener, 0 to 30"
    )
    drain_timeout_seconds: int = Field(
        default=8, ge=1, le=300, description="time for requests under way to end after that, 1 to 300"
    )


def load_settings(environment: Mapping[str, str]) -> Settings:
    """Raises `SettingsError` with all problems at once."""
    given = {name: environment[name.upper()] for name in Settings.model_fields if name.upper() in environment}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        problems = []
        for problem in error.errors(include_url=False, include_context=False):
            field = str(problem["loc"][0])
            wanted = f"set {field.upper()} to {Settings.model_fields[field].description}"
            seen = "is missing" if problem["type"] == "missing" else f"cannot be {given[field]!r}"
            problems.append(f"{field.upper()} {seen}: {wanted}")
        raise SettingsError(problems) from error
