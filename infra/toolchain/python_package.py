"""A binary inside a Python package that a lock file pins by hash."""

import importlib.util
import sys
from pathlib import Path

from infra.toolchain import children
from infra.toolchain.children import ChildError
from infra.toolchain.errors import SourceUnavailableError
from infra.toolchain.sources import PythonPackage
from infra.toolchain.workshop import Workshop

UV_ENVIRONMENT = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "VIRTUAL_ENV": ""}
# A user's pip configuration may ask for --user or for a venv, which --target excludes.
PIP_ENVIRONMENT = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def fill(source: PythonPackage, workshop: Workshop) -> dict[str, str]:
    """Raises `SourceUnavailableError`, also when this Python can neither run pip nor make a venv."""
    lock = str(workshop.repo / source.lock)
    common = ["--no-deps", "--require-hashes", "--target", str(workshop.staging), "-r", lock]
    workshop.task.update(f"installing {source.lock}")
    try:
        if source.needs_uv:
            uv = str(workshop.tool("uv"))
            cache = str(workshop.cache.root / "uv")
            children.run(
                [uv, "pip", "install", "--python", sys.executable, "--cache-dir", cache, *common],
                environment=UV_ENVIRONMENT,
            )
        else:
            pip = [_python_with_pip(workshop), "-m", "pip", "install", "--quiet"]
            children.run([*pip, "--only-binary", ":all:", *common], environment=PIP_ENVIRONMENT)
    except ChildError as error:
        raise SourceUnavailableError(f"{source.lock} could not be installed ({error.reason})") from error
    return source.executables


def _python_with_pip(workshop: Workshop) -> str:
    if importlib.util.find_spec("pip"):
        return sys.executable
    if not importlib.util.find_spec("ensurepip"):
        raise SourceUnavailableError("this Python has neither pip nor ensurepip (Debian: apt-get install python3-venv)")
    folder: Path = workshop.staging / ".pip"
    children.run([sys.executable, "-m", "venv", str(folder)])
    return str(folder / "bin" / "python")
