"""What a machine must have before anything is tried. Each check is a function of what it is told, so that every
fault can be shown to it."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.toolchain import platforms
from infra.toolchain.errors import ToolchainError

PYTHON_MINIMUM = (3, 11)
GIBIBYTE = 1024**3
# Measured: 1.5 GiB venv, shared with uv's cache on one file system, 0.5 GiB tools; and, where no release can be had,
# 3 GiB while Pulumi and 1 GiB while Alertmanager is built.
FREE_BYTES = 6 * GIBIBYTE

Which = Callable[[str], str | None]
Usage = Callable[[Path], int]  # free bytes on the disk of a folder


@dataclass(frozen=True)
class Check:
    """One thing looked at. `fix` says what to do, and is empty when `ok`; without what is not `is_needed` the
    highway runs all the same."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
    is_needed: bool = True

    @property
    def line(self) -> str:
        return self.detail if self.ok else f"{self.detail}; {self.fix}"


def free_bytes(folder: Path) -> int:
    """Of the disk that holds `folder` or, before it exists, its nearest parent."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def python(version: tuple[int, int] = (sys.version_info[0], sys.version_info[1])) -> Check:
    text = ".".join(map(str, version))
    if version >= PYTHON_MINIMUM:
        return Check("python", ok=True, detail=f"Python {text}")
    wanted = ".".join(map(str, PYTHON_MINIMUM))
    return Check(
        "python",
        ok=False,
        detail=f"Python {text} is too old",
        fix=f"install Python {wanted} or newer and run `make up PYTHON=python{wanted}`",
    )


def architecture(system: str | None = None, machine: str | None = None) -> Check:
    try:
        return Check("architecture", ok=True, detail=str(platforms.current(system, machine)))
    except ToolchainError as error:
        detail, _, fix = str(error).partition("; ")
        return Check("architecture", ok=False, detail=detail, fix=fix)


def command(name: str, advice: str, which: Which = shutil.which) -> Check:
    path = which(name)
    if path:
        return Check(name, ok=True, detail=path)
    return Check(name, ok=False, detail=f"{name} is not on PATH", fix=advice)


def git(which: Which = shutil.which) -> Check:
    return command("git", "install git (`apt-get install git`, `xcode-select --install`)", which)


def make(which: Which = shutil.which) -> Check:
    return command("make", "install make (`apt-get install make`, `xcode-select --install`)", which)


def writable(name: str, folder: Path) -> Check:
    """Makes `folder` when it is not there, and tries a file in it: permission bits do not tell all."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Check(
            name,
            ok=False,
            detail=f"cannot write to {folder} ({os.strerror(error.errno or 0)})",
            fix="give yourself the right to, or clone into a folder of your own"
            if name == "folder"
            else "give yourself the right to, or point XDG_CACHE_HOME at a folder of your own",
        )
    return Check(name, ok=True, detail=str(folder))


def disk(folder: Path, needed_bytes: int = FREE_BYTES, usage: Usage = free_bytes) -> Check:
    free = usage(folder)
    detail = f"{free / GIBIBYTE:.1f} GiB free for {folder}"
    if free >= needed_bytes:
        return Check("disk", ok=True, detail=detail)
    return Check("disk", ok=False, detail=f"only {detail}", fix=f"free up to {needed_bytes / GIBIBYTE:.0f} GiB")


def before_bootstrap(home: Path, cache: Path, *, is_first_run: bool) -> list[Check]:
    """What must hold before the bootstrap; the room on the disk is asked for only by a first run."""
    checks = [python(), architecture(), git(), writable("folder", home), writable("cache", cache)]
    if is_first_run and checks[3].ok:
        checks.append(disk(home))
    return checks
