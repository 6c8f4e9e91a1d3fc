"""What every way of getting a tool works with."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.toolchain.cache import Cache
from infra.toolchain.progress import Task


@dataclass(frozen=True)
class Workshop:
    """`staging` is the empty folder to fill; `tool` gets another tool that the work needs."""

    repo: Path
    cache: Cache
    staging: Path
    task: Task
    lock: int  # the descriptor of the lock on what is being made
    tool: Callable[[str], Path]
