"""What the ledger service is told by its environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from infra.contracts.ledger import TOKEN_FILE_VARIABLE

DATABASE_VARIABLE = "HIGHWAY_LEDGER_DATABASE"


class LedgerSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    database: str = Field(description="SQL URL, such as sqlite:////folder/ledger.db or postgresql://host/ledger")
    token_file: Path = Field(description="holds the bearer token that readers and writers present")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Raises `KeyError` naming the variable that is missing."""
        return cls(database=environment[DATABASE_VARIABLE], token_file=Path(environment[TOKEN_FILE_VARIABLE]))
