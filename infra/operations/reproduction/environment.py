"""The environment of a past run, built by that commit's own toolchain from its own lock."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from infra.contracts.errors import HighwayError
from infra.local.home import HOME_VARIABLE
from infra.operations.reproduction import child

# The interpreter behind our virtual environment: the new one shall know nothing of ours.
PYTHON = os.path.realpath(sys.executable)


def variables(home: Path) -> dict[str, str]:
    """Of every process of the reproduction; `home` is its own `.highway/`."""
    return {HOME_VARIABLE: str(home), "PYTHONPYCACHEPREFIX": str(home / "cache" / "pycache")}


def build(repo: Path, home: Path, tell: Callable[[str], None]) -> Path:
    """The Python of a new virtual environment in `home`. Packages come out of the cache that clones share, verified
    by the hashes of the lock. Raises `HighwayError`."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    environment = {**child.clean_environment(), **variables(home)}
    bootstrap = [PYTHON, "-m", "infra.toolchain.bootstrap", "venv"]
    child.run(bootstrap, folder=repo, environment=environment, tell=tell)
    python = home / "venv" / "bin" / "python"
    if not python.exists():
        raise HighwayError("the toolchain of that commit made no virtual environment; it is of another layout")
    return python
