"""Configuration that is a file for people and an environment variable for steps."""

import os
from pathlib import Path
from typing import ClassVar, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from infra.contracts.errors import HighwayError

FOLDER = Path(__file__).parent / "confs"


class ConfError(HighwayError):
    """A file cannot be used; one line with every wrong key."""


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileConf(Frozen):
    """Stands in `FILE` of `pipelines/confs/`; a pipeline hands it to its steps as the variable `PARAMETER`."""

    FILE: ClassVar[str]
    PARAMETER: ClassVar[str]

    @classmethod
    def from_file(cls, path: Path | None = None) -> Self:
        """Raises `ConfError`."""
        path = path or FOLDER / cls.FILE
        try:
            return cls.model_validate(yaml.safe_load(path.read_text()))
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" if problem["loc"] else problem["msg"]
                for problem in error.errors()
            )
            raise ConfError(f"{path.name} cannot be used ({problems})") from error
        except yaml.YAMLError as error:
            raise ConfError(f"{path.name} is no YAML ({' '.join(str(error).split())})") from error

    @classmethod
    def from_environment(cls) -> Self:
        """As a pipeline hands it to a step; run by hand, a step takes the file."""
        given = os.environ.get(cls.PARAMETER)
        return cls.model_validate_json(given) if given else cls.from_file()
