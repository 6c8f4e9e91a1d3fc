"""A developer's clone: real git, commits and pushes, without the machine's own git settings."""

import os
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path

# The highway's own workflow in small: a check, and a delivery that needs it.
CI_YML = """\
name: ci
on: push
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v6
      - name: unit tests
        run: python -m pytest -q -p no:cacheprovider
  deliver:
    needs: check
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v6
      - name: release
        if: env.HIGHWAY_RUNNER == '1' && github.ref == 'refs/heads/main'
        run: echo "$GITHUB_SHA" >> "$HIGHWAY_HOME/released"
"""
GOOD_TEST = "def test_two():\n    assert 1 + 1 == 2\n"
BAD_TEST = "def test_two():\n    assert 1 + 1 == 3\n"


def workflow(script: str) -> str:
    """A ci.yml with one step, "work", that runs `script`."""
    step = textwrap.indent(script, " " * 10)
    return (
        "on: push\njobs:\n  check:\n    runs-on: ubuntu-latest\n    steps:\n"
        f"      - name: work\n        run: |\n{step}\n"
    )


@dataclass(frozen=True)
class WorkingCopy:
    path: Path
    remote: Path

    @classmethod
    def create(cls, path: Path, remote: Path) -> "WorkingCopy":
        copy = cls(path, remote)
        path.mkdir(parents=True)
        copy.git("init", "-q", "-b", "main")
        return copy

    def git(self, *arguments: str) -> str:
        """Returns what git said on both channels."""
        identity = {
            f"GIT_{who}_{what}": "dev@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        plain = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        ran = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env={**os.environ, **plain, **identity},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
            timeout=60,
        )
        return ran.stdout.strip()

    def commit(self, files: dict[str, str]) -> str:
        """Write and commit `files`; returns the commit."""
        for name, content in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", "a change")
        return self.git("rev-parse", "HEAD")

    def push(self, *refs: str) -> str:
        return self.git("push", "--force", str(self.remote), *(refs or ("main",)))

    def commit_and_push(self, files: dict[str, str]) -> str:
        commit = self.commit(files)
        self.push()
        return commit
