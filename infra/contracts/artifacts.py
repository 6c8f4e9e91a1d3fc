"""What the content of an artifact is called: a digest that is the same on every substrate."""

import hashlib
import json
from pathlib import Path

from infra.contracts.errors import HighwayError


class ArtifactError(HighwayError):
    """A folder holds what cannot be part of an artifact."""


def digest_of_folder(folder: Path) -> str:
    """Over the relative paths and contents of all files. Raises `ArtifactError` on a link, which could change later."""
    entries = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise ArtifactError(f"{path.relative_to(folder)} is a link; an artifact holds files only")
        if path.is_file():
            with path.open("rb") as stream:
                entries.append((path.relative_to(folder).as_posix(), hashlib.file_digest(stream, "sha256").hexdigest()))
    return "sha256:" + hashlib.sha256(json.dumps(entries).encode()).hexdigest()
