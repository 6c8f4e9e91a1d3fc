"""Files that git does not track, outside of `.highway/`: compared before and after, they show what we left."""

import subprocess

from infra.contracts.files import write_atomically
from infra.local.home import Home

FILE = "footprint"


def remember(home: Home) -> None:
    """Keep what is there before the first `up`."""
    if not (home.root / FILE).exists():
        write_atomically(home.root / FILE, "\n".join(sorted(_untracked(home))))


def new_files(home: Home) -> list[str]:
    """What has come since `remember`. Whether a highway or a person made it, nobody can tell."""
    known = home.root / FILE
    return sorted(_untracked(home) - set(known.read_text().splitlines())) if known.exists() else []


def _untracked(home: Home) -> set[str]:
    """Empty outside a git checkout."""
    listed = subprocess.run(
        ["git", "-C", home.repo, "status", "--porcelain", "-z", "--ignored=matching", "--untracked-files=all"],
        capture_output=True,
        text=True,
        check=False,
    )
    names = {line[3:] for line in listed.stdout.split("\0") if line[:2] in ("!!", "??")}
    return {name for name in names if not name.startswith(f"{home.root.name}/")}
