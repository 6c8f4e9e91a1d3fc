"""How much disk the highway has left: the file system's, or less where a budget is set.

A machine's disk is not the highway's alone, so what it may fill can be limited. Data and logs count; tools and
caches are not what grows.
"""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BUDGET_VARIABLE = "HIGHWAY_DISK_BUDGET_BYTES"
BLOCK_BYTES = 512  # the unit of st_blocks, whatever the file system's own (POSIX, sys/stat.h)
MEASURE_EVERY_SECONDS = 5.0


@dataclass(frozen=True)
class Space:
    size_bytes: int
    free_bytes: int


@dataclass
class Disk:
    """`folders` are on one file system and need not exist yet; `budget_bytes` is what they may hold together."""

    folders: Sequence[Path]
    budget_bytes: int | None = None
    _measured: tuple[float, int] = field(default=(float("-inf"), 0), repr=False)

    def space(self) -> Space:
        usage = shutil.disk_usage(_existing(self.folders[0]))
        if self.budget_bytes is None:
            return Space(usage.total, usage.free)
        size = min(usage.total, self.budget_bytes)
        return Space(size, max(0, min(usage.free, size - self._used_bytes())))

    def _used_bytes(self) -> int:
        """Walking costs; a figure a few seconds old is good enough for a disk."""
        measured_at, used = self._measured
        if time.monotonic() - measured_at > MEASURE_EVERY_SECONDS:
            used = sum(BLOCK_BYTES * status.st_blocks for folder in self.folders for status in _files(folder))
            self._measured = (time.monotonic(), used)
        return used


def _files(folder: Path) -> Iterator[os.stat_result]:
    """Files may vanish while they are counted."""
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                yield (Path(parent) / name).lstat()
            except FileNotFoundError:
                continue


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)
