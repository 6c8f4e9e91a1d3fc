"""System packages that some suites of `make proof` need: installed where that is possible, named where it is not.

Run as `python3 -m infra.toolchain.suites`. In CI (`CI=true`) a suite that would have to be skipped is an error.
"""

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infra.toolchain import children
from infra.toolchain.children import ChildError

Which = Callable[[str], str | None]


@dataclass(frozen=True)
class Suite:
    """`programs` must be on PATH; on Debian and Ubuntu they come with `packages`."""

    name: str
    programs: tuple[str, ...]
    packages: tuple[str, ...]

    def lacks(self, which: Which = shutil.which) -> list[str]:
        return [program for program in self.programs if not which(program)]


SUITES = (Suite("browser", ("chromium", "chromedriver"), ("chromium", "chromium-driver")),)


def install(packages: list[str]) -> None:
    """Raises `ChildError` when apt cannot."""
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    children.run(["apt-get", "update", "-q"], environment=quiet)
    children.run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages], environment=quiet)


def prepare(environment: Mapping[str, str], *, is_root: bool, which: Which = shutil.which) -> int:
    """Get what is missing; returns the exit code. One line on stderr for each suite that still lacks something."""
    wanting = [suite for suite in SUITES if suite.lacks(which)]
    reason = ""
    if wanting and is_root and which("apt-get"):
        packages = [package for suite in wanting for package in suite.packages]
        print(f"installing {' '.join(packages)}", file=sys.stderr)
        try:
            install(packages)
        except ChildError as error:
            reason = f" ({error.reason})"
    wanting = [suite for suite in wanting if suite.lacks(which)]
    for suite in wanting:
        print(
            f"suite {suite.name} lacks {', '.join(suite.lacks(which))}{reason}; "
            f"install what your system calls them (Debian: `apt-get install {' '.join(suite.packages)}`)",
            file=sys.stderr,
        )
    return 1 if wanting and environment.get("CI") else 0


if __name__ == "__main__":
    sys.exit(prepare(os.environ, is_root=os.geteuid() == 0))
