"""What code a run is of: commit, digest of the sources, digest of the locked environment."""

import hashlib
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.contracts.pipelines import UNKNOWN_COMMIT


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """Digests decide what runs again; the commit is what a person looks up. It decides nothing, so a commit
    that touches other files trains nothing again."""

    commit: str
    code_digest: str
    lock_digest: str


def lineage_of(repo: Path, *, code: Sequence[str], lock: str) -> Lineage:
    """`code` are files and folders (of which `*.py` counts) and `lock` a file, relative to `repo`.

    Raises `FileNotFoundError` for a path that does not exist."""
    return Lineage(
        commit=_commit(repo, code),
        code_digest=digest_of_sources(repo, code),
        lock_digest=digest_of_sources(repo, [lock]),
    )


def digest_of_sources(repo: Path, paths: Sequence[str]) -> str:
    """Over relative names and contents, so that a second clone has the same."""
    files: set[Path] = set()
    for path in paths:
        root = repo / path
        files.update([root] if not root.is_dir() else root.rglob("*.py"))
    entries = [(file.relative_to(repo).as_posix(), hashlib.sha256(file.read_bytes()).hexdigest()) for file in files]
    return "sha256:" + hashlib.sha256(json.dumps(sorted(entries)).encode()).hexdigest()


def _commit(repo: Path, code: Sequence[str]) -> str:
    """The checked-out commit, with `-dirty` when `code` differs from it."""
    try:
        head = _git(repo, "rev-parse", "HEAD")
        changed = _git(repo, "status", "--porcelain", "--", *code)
    except (OSError, subprocess.CalledProcessError):
        return UNKNOWN_COMMIT
    return f"{head}-dirty" if changed else head


def _git(repo: Path, *arguments: str) -> str:
    answer = subprocess.run(
        ["git", "--no-optional-locks", "-C", str(repo), *arguments], check=True, capture_output=True, text=True
    )
    return answer.stdout.strip()
