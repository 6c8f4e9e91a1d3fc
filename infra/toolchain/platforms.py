"""The machines that the highway runs on."""

import platform
from dataclasses import dataclass

from infra.toolchain.errors import ToolchainError

SYSTEMS = {"Linux": "linux", "Darwin": "darwin"}
# What `uname -m` says -> the name that most releases use
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Platform:
    system: str
    architecture: str

    def __str__(self) -> str:
        return f"{self.system}-{self.architecture}"


LINUX_AMD64 = Platform("linux", "amd64")
LINUX_ARM64 = Platform("linux", "arm64")
DARWIN_ARM64 = Platform("darwin", "arm64")
SUPPORTED = (LINUX_AMD64, LINUX_ARM64, DARWIN_ARM64)


def current(system: str | None = None, machine: str | None = None) -> Platform:
    """This machine, or the one that is named. Raises `ToolchainError` when there are no tools for it."""
    system = system or platform.system()
    machine = machine or platform.machine()
    found = Platform(SYSTEMS.get(system, system), ARCHITECTURES.get(machine.lower(), machine))
    if found not in SUPPORTED:
        raise ToolchainError(
            f"this machine is {system} on {machine}, for which there are no tools; "
            f"use one of {', '.join(map(str, SUPPORTED))} (on Windows: WSL 2)"
        )
    return found
