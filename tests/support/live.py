"""A highway of its own for tests: a clone in a temporary folder, with the tools and the environment of this one."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.engine import environment
from infra.local.home import Home
from infra.local.processes import end, marked

REPO = Path(__file__).parents[2]
UP_SECONDS = 420
OWN_TOOLS = Path(sys.executable).parents[2]  # the .highway/ that these tests run from


class CommandFailedError(AssertionError):
    """A command of the highway ended with another exit code than was expected."""


@dataclass(frozen=True)
class Highway:
    """`variables` is the environment that its commands and its runbooks run in."""

    home: Home

    @property
    def repo(self) -> Path:
        return self.home.repo

    @property
    def variables(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return {**kept, **environment(self.home)}

    def run(self, *arguments: str, expect: int | None = 0, seconds: float = UP_SECONDS) -> str:
        """`highway ARGUMENTS`; what it printed on stdout. `expect=None` takes any exit code."""
        return self.shell([str(Path(sys.executable).with_name("highway")), *arguments], expect=expect, seconds=seconds)

    def pulumi(self, *arguments: str, program: str = ".", expect: int | None = 0) -> str:
        return self.shell(["pulumi", "--non-interactive", "--cwd", str(self.repo / program), *arguments], expect=expect)

    def shell(self, command: list[str], *, expect: int | None = 0, seconds: float = UP_SECONDS) -> str:
        done = subprocess.run(
            command,
            cwd=self.repo,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if expect is not None and done.returncode != expect:
            raise CommandFailedError(
                f"{' '.join(command)} ended with {done.returncode}, not {expect}\n{done.stdout}\n{done.stderr}"
            )
        return done.stdout if expect == 0 else done.stdout + done.stderr

    def status(self) -> dict[str, Any]:
        """`highway status --json`, healthy or not."""
        shown = json.loads(self.run("status", "--json", expect=None))
        assert isinstance(shown, dict)
        return shown

    def url(self, component: str, name: str) -> str:
        url = self.status()["platform"][component][name]
        assert isinstance(url, str)
        return url

    def predict(self, flight: Mapping[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            self.url("cluster", "gateway_url") + "/predict",
            data=json.dumps(flight).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = json.load(answer)
        assert isinstance(body, dict)
        return body


@contextmanager
def clone(folder: Path) -> Iterator[Highway]:
    """A clone with this working tree's files, nothing up yet; at the end all of it is taken down."""
    repo = folder / "clone"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", REPO, repo], check=True, capture_output=True)
    changed = subprocess.run(
        ["git", "-C", REPO, "ls-files", "--modified", "--others", "--exclude-standard", "-z"],
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, changed.stdout.split("\0")):
        if (REPO / name).exists():
            (repo / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPO / name, repo / name)
        else:
            (repo / name).unlink(missing_ok=True)
    home = Home(repo / ".highway")
    home.root.mkdir()
    # Environment and tools are as large as they are slow to make, and they are not what is tested here.
    for shared in ("venv", "tools"):
        (home.root / shared).symlink_to(OWN_TOOLS / shared)
    highway = Highway(home)
    try:
        yield highway
    finally:
        highway.run("down", "--purge", "--yes", expect=None)
        left = marked(home.root)
        end(left, patience_seconds=2)
