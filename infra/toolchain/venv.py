"""`.highway/venv`: exactly the locked packages and this repo, made again when the lock changes and not before."""

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.toolchain import children
from infra.toolchain.cache import Cache, remove_tree
from infra.toolchain.children import ChildError
from infra.toolchain.errors import ToolchainError
from infra.toolchain.progress import Task
from infra.toolchain.python_package import UV_ENVIRONMENT

LOCK = "requirements/highway.lock"
# The interpreter itself, also when we run through a link to it such as the one in the venv that we make.
PYTHON = os.path.realpath(sys.executable)


@dataclass(frozen=True)
class Venv:
    repo: Path
    home: Path
    cache: Cache

    @property
    def folder(self) -> Path:
        return self.home / "venv"

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def _stamp(self) -> Path:
        return self.folder / ".highway-stamp"

    def _wanted(self) -> str:
        """Digest of all that decides what is installed."""
        content = hashlib.sha256(f"{sys.version_info[:3]} {PYTHON}\n".encode())
        for name in (LOCK, "pyproject.toml"):
            content.update((self.repo / name).read_bytes())
        # The editable install and the scripts hold this path.
        content.update(str(self.folder.resolve()).encode())
        return content.hexdigest()

    def is_current(self) -> bool:
        try:
            return self._stamp.read_text() == self._wanted() and self.python.exists()
        except OSError:
            return False

    def sync(self, uv: Path, task: Task) -> None:
        """Make the venv what the lock says. The stamp goes first and comes back last, so that an interrupted run
        is taken up by the next one. Raises `ToolchainError`."""
        wanted = self._wanted()
        self._stamp.unlink(missing_ok=True)
        cache = ["--cache-dir", str(self.cache.root / "uv")]
        in_venv = ["--python", str(self.python), *cache]
        try:
            if not self._runs_this_python():
                remove_tree(self.folder)
                task.update("making the venv")
                children.run(
                    [str(uv), "venv", "--python", PYTHON, *cache, str(self.folder)], environment=UV_ENVIRONMENT
                )
            task.update(f"installing {self._count()} packages")
            children.run(
                [str(uv), "pip", "sync", "--require-hashes", *in_venv, str(self.repo / LOCK)],
                environment=UV_ENVIRONMENT,
            )
            task.update("installing the highway itself")
            here = ["--no-deps", "--no-build-isolation", "-e", str(self.repo)]
            children.run([str(uv), "pip", "install", *in_venv, *here], environment=UV_ENVIRONMENT)
        except ChildError as error:
            raise ToolchainError(
                f"the Python packages could not be installed ({error.reason}); check the network and run again"
            ) from error
        self._stamp.write_text(wanted)
        task.done(f"{self._count()} packages")

    def _count(self) -> int:
        return sum("==" in line for line in (self.repo / LOCK).read_text().splitlines())

    def _runs_this_python(self) -> bool:
        """Whether the venv that is there works and was made from the Python that runs us."""
        ask = "import os, sys; print(os.path.realpath(sys.executable), sys.version_info[:3])"
        try:
            answer = subprocess.run([self.python, "-c", ask], capture_output=True, text=True, check=True, timeout=60)
        except (OSError, subprocess.SubprocessError):
            return False
        return answer.stdout.strip() == f"{PYTHON} {sys.version_info[:3]}"
