"""The app as a bundle: what it needs from this repo, and nothing else of it."""

from pathlib import Path

# (folder that becomes a root of the import path, what below it is packed)
SOURCES = (
    (Path("reference-app"), "reference_app/**/*"),
    (Path(), "infra/__init__.py"),
    (Path(), "infra/contracts/**/*"),
)
SUFFIXES = frozenset({".py", ".json", ".html", ".css"})


def build_files(repo: Path) -> dict[str, bytes]:
    """For `infra.contracts.bundle.publish`. Unpacked, the folder is the PYTHONPATH of `python -m reference_app`.

    Raises `FileNotFoundError` when `repo` is not a clone of this repo.
    """
    files: dict[str, bytes] = {}
    for root, pattern in SOURCES:
        found = [path for path in (repo / root).glob(pattern) if path.is_file() and path.suffix in SUFFIXES]
        if not found:
            raise FileNotFoundError(f"no {root / pattern} in {repo}; give the root of the repo")
        files.update({path.relative_to(repo / root).as_posix(): path.read_bytes() for path in found})
    return files
