"""One clock for everybody: code asks it for the time and never calls `now()` itself.

A replay drives the past through the present: with the anchor pair (world, real) and a speed, the moment
`world + (real_now - real) * speed` is "now". Windows and lags of a replay shrink by the same factor
(`Clock.scaled_seconds`), so an alert that needs an hour in the world needs an hour / speed on the wall.
"""

import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from infra.contracts.errors import HighwayError

REPLAY_VARIABLE = "HIGHWAY_REPLAY"


class Clock(Protocol):
    """`now()` is timezone-aware UTC in the world's time; `is_replay` marks the facts it dates."""

    @property
    def is_replay(self) -> bool: ...

    def now(self) -> datetime: ...

    def scaled_seconds(self, world_seconds: float) -> float:
        """How many seconds on the wall `world_seconds` of world time take."""
        ...


@dataclass(frozen=True)
class SystemClock:
    """The world's time is the wall's time."""

    is_replay: bool = False

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time(), tz=UTC)

    def scaled_seconds(self, world_seconds: float) -> float:
        return world_seconds


class ReplayAnchorError(HighwayError):
    """The environment names a replay that cannot be read."""


class ReplayAnchor(BaseModel):
    """What a replay shares with every process that takes part in it, as JSON in `HIGHWAY_REPLAY`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    world: AwareDatetime = Field(description="the moment of the past that the replay starts at")
    real: AwareDatetime = Field(description="the moment on the wall at which it started")
    speed: float = Field(gt=0, description="world seconds per second on the wall")


@dataclass(frozen=True)
class ReplayClock:
    """The past, driven through the present at `anchor.speed`."""

    anchor: ReplayAnchor
    wall: SystemClock = field(default_factory=SystemClock)
    is_replay: bool = True

    def now(self) -> datetime:
        elapsed = (self.wall.now() - self.anchor.real).total_seconds()
        return self.anchor.world + timedelta(seconds=elapsed * self.anchor.speed)

    def scaled_seconds(self, world_seconds: float) -> float:
        return world_seconds / self.anchor.speed

    @classmethod
    def starting(cls, world: datetime, speed: float) -> Self:
        return cls(ReplayAnchor(world=world, real=SystemClock().now(), speed=speed))


def clock_from_environment() -> Clock:
    """The clock this process was started under. Raises `ReplayAnchorError` on a malformed anchor."""
    anchor = os.environ.get(REPLAY_VARIABLE)
    try:
        return ReplayClock(ReplayAnchor.model_validate_json(anchor)) if anchor else SystemClock()
    except ValidationError as error:
        fault = f"{REPLAY_VARIABLE}={anchor!r} is no replay; unset it, or give JSON with world, real and speed"
        raise ReplayAnchorError(fault) from error
