"""How fast monitoring looks and how long an alert waits, from one source for every substrate.

Rules are written once, in the times of production. A smaller highway divides them all by one speed, as a replay
does with its clock, instead of keeping rules of its own.
"""

import re
from dataclasses import dataclass

UNITS_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
DURATION = re.compile(r"(\d+)([smhd])")
# A rate needs two samples in its range, and one more so that a late scrape is no gap.
SAMPLES_PER_RANGE = 4


@dataclass(frozen=True, kw_only=True)
class Timing:
    scrape_seconds: int
    evaluation_seconds: int
    speed: float
    group_wait_seconds: int
    group_interval_seconds: int
    repeat_hours: int = 12

    def wait(self, duration: str) -> str:
        """A rule's `for` at this speed. Raises `ValueError` for anything but digits and one of s, m, h, d."""
        return f"{round(_seconds(duration) / self.speed)}s"

    def window(self, duration: str) -> str:
        """A range at this speed, but never too short to hold the samples that a rate needs."""
        return f"{max(round(_seconds(duration) / self.speed), SAMPLES_PER_RANGE * self.scrape_seconds)}s"


PRODUCTION = Timing(
    scrape_seconds=30, evaluation_seconds=30, speed=1, group_wait_seconds=30, group_interval_seconds=300
)
# One person watches one machine: minutes become seconds, so that a drill ends while they look.
LOCAL = Timing(scrape_seconds=2, evaluation_seconds=2, speed=30, group_wait_seconds=1, group_interval_seconds=2)


def _seconds(duration: str) -> int:
    match = DURATION.fullmatch(duration)
    if not match:
        raise ValueError(f"duration {duration!r}: write digits and one of s, m, h, d")
    return int(match[1]) * UNITS_SECONDS[match[2]]
