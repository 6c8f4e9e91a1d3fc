"""The bare repo that developers push to, and the hook that notes each push."""

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from infra.contracts.errors import HighwayError
from infra.contracts.files import write_atomically
from infra.local.home import Home

GIT_SECONDS = 120

# Plain sh, so that a push needs neither our Python nor the runner. A ref's name may hold a double quote.
HOOK = """\
#!/bin/sh
# Written by the highway's runner at each start. It only notes what was pushed; the runner takes it from there.
spool={spool}
umask 077
mkdir -p "$spool"
number=0
while read -r _ commit ref; do
  case "$ref" in refs/heads/*) ;; *) continue ;; esac
  case "$commit" in *[!0]*) ;; *) continue ;; esac # a branch that was removed
  number=$((number + 1))
  id="$(date +%s)-$$-$number"
  branch=$(printf '%s' "${{ref#refs/heads/}}" | sed 's/"/\\\\"/g')
  if printf '{{"id": "%s", "commit": "%s", "branch": "%s"}}\\n' "$id" "$commit" "$branch" >"$spool/.$id" &&
    mv "$spool/.$id" "$spool/$id.json"; then
    echo "highway: ${{ref#refs/heads/}} at $(echo "$commit" | cut -c1-10) waits for its checks."
    echo "highway: follow it in {log} and in the CI lane of the cockpit."
  else
    echo "highway: ${{ref#refs/heads/}} is stored but could not be queued; see why above, then push again."
  fi
done
"""


class RepositoryError(HighwayError):
    """git refused; the message holds its reason."""


@dataclass(frozen=True)
class Repository:
    home: Home

    @property
    def path(self) -> Path:
        return self.home.data / "repo.git"

    @property
    def spool(self) -> Path:
        return self.home.data / "runner" / "spool"

    def ensure(self) -> None:
        """Create the repo, or bring its hook and settings up to date. Raises `RepositoryError`."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        git("init", "--bare", "--quiet", "--initial-branch=main", "--template=", str(self.path))
        hooks = self.path / "hooks"
        # A hooks folder in the user's own settings would put ours out of action.
        git("config", "core.hooksPath", str(hooks), folder=self.path)
        hook = HOOK.format(spool=shlex.quote(str(self.spool)), log=shlex.quote(str(self.home.logs / "ci")))
        write_atomically(hooks / "post-receive", hook, mode=0o700)
        self.spool.mkdir(parents=True, exist_ok=True, mode=0o700)

    def check_out(self, commit: str, branch: str, target: Path) -> None:
        """A work tree of `commit` at `target`, on a branch of that name. Raises `RepositoryError`.

        Objects are shared, not copied, so a commit that a later push replaced is found as well."""
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        git("clone", "--quiet", "--shared", "--no-checkout", str(self.path), str(target))
        git("checkout", "--quiet", "-B", branch, commit, folder=target)


def git(*arguments: str, folder: Path | None = None) -> None:
    """Run git in `folder`, untouched by the user's settings and a hook's variables. Raises `RepositoryError`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    try:
        subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=GIT_SECONDS,
        )
    except subprocess.CalledProcessError as error:
        raise RepositoryError(f"git {arguments[0]}: {error.stderr.strip()}") from error
    except subprocess.TimeoutExpired as error:
        raise RepositoryError(f"git {arguments[0]} took longer than {GIT_SECONDS} s") from error
