"""Real peers to measure against, each in a virtual environment of its own."""

import os
import subprocess
from pathlib import Path

from tests.support.service import REPO

UV = REPO / ".highway" / "tools" / "bin" / "uv"
ENVIRONMENTS = REPO / ".highway" / "cache" / "benchmarks"


def peer_python(name: str, *packages: str) -> Path:
    """The Python of the environment `name`, with `packages` (pinned, as `name==version`) in it. Made once."""
    folder = ENVIRONMENTS / name
    stamp = folder / "packages"
    if not stamp.exists() or stamp.read_text() != "\n".join(packages):
        python = os.path.realpath(REPO / ".highway" / "venv" / "bin" / "python")
        subprocess.run([UV, "venv", "--quiet", "--clear", "--python", python, folder], check=True)
        install = [UV, "pip", "install", "--quiet", "--compile-bytecode", "--python", folder / "bin" / "python"]
        subprocess.run([*install, *packages], check=True)
        stamp.write_text("\n".join(packages))
    return folder / "bin" / "python"
