"""The traffic split of one service: one small file that the gateway reads for every request.

A configuration reload would close the gateway's keep-alive connections and lose requests, so weights are moved
by a file instead. It is *one* file, replaced by a rename: a request sees the addresses and the weight of one
moment, never the weight of one and the address of another, whatever kills the writer.

The gateway sends a request to the candidate when the request's random UUID (as text) is below the threshold.
"""

import re
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from infra.contracts.files import write_atomically
from infra.local.home import Home

FILE_NAME = "split"
# What the gateway matches too (Go's RE2 and Python's re read it alike).
LINE = (
    r"^(?P<weight>[0-9]{1,3}) (?P<threshold>[0-9a-g]+) (?P<stable>[A-Za-z0-9.:-]+) (?P<candidate>[A-Za-z0-9.:-]+)\n?$"
)
ADDRESS = r"^[A-Za-z0-9.-]+:[0-9]+$"
NO_ADDRESS = "-"
ABOVE_EVERY_UUID = "g"  # the digits of a UUID end at f


class Weights(BaseModel):
    """Where traffic goes. Without a stable upstream nothing is served (the gateway answers 503)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stable: str | None = Field(default=None, pattern=ADDRESS)
    candidate: str | None = Field(default=None, pattern=ADDRESS)
    weight_percent: int = Field(default=0, ge=0, le=100, description="share of requests for the candidate")

    @model_validator(mode="after")
    def _weight_needs_somebody(self) -> Self:
        if self.weight_percent and self.candidate is None:
            raise ValueError(f"weight {self.weight_percent} % without a candidate")
        if self.candidate and self.stable is None:
            raise ValueError("a candidate needs a stable upstream beside it; a first release is the stable one")
        return self


def threshold(weight_percent: int) -> str:
    """The text below which a share of `weight_percent` of random UUIDs sorts.

    A UUID of version 4 starts with 32 random bits, so the share is met to 2**-33; 0 % and 100 % are exact.
    """
    if weight_percent == 100:
        return ABOVE_EVERY_UUID
    return format(round(weight_percent * 2**32 / 100), "08x")


def split_directory(home: Home, service: str) -> Path:
    return home.run / "split" / service


class Split:
    """The split file in `directory`; the release controller is its only writer."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE_NAME

    def set(self, stable: str | None, candidate: str | None = None, weight_percent: int = 0) -> None:
        """Hold from the next request on; the same again writes nothing.

        `candidate` ("host:port", as `stable`) gets `weight_percent` of the requests. Raises
        `pydantic.ValidationError` when these make no sense together."""
        text = _render(Weights(stable=stable, candidate=candidate, weight_percent=weight_percent))
        if self._text() != text:
            write_atomically(self._path, text)

    def read(self) -> Weights:
        """What the gateway goes by: an absent or unreadable file is one that serves nothing."""
        found = re.fullmatch(LINE, self._text() or "")
        if found is None:
            return Weights()
        candidate = found["candidate"]
        try:
            return Weights(
                stable=found["stable"],
                candidate=None if candidate == NO_ADDRESS else candidate,
                weight_percent=int(found["weight"]),
            )
        except ValidationError:
            return Weights()

    def _text(self) -> str | None:
        try:
            return self._path.read_text()
        except FileNotFoundError:
            return None


def _render(weights: Weights) -> str:
    if weights.stable is None:
        return "none\n"
    return (
        f"{weights.weight_percent} {threshold(weights.weight_percent)} "
        f"{weights.stable} {weights.candidate or NO_ADDRESS}\n"
    )
