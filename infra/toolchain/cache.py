"""The cache of tools that all clones of a user share: an entry is whole and verified, or it is not there."""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.toolchain import locks

MANIFEST = "manifest.json"


def user_cache() -> Path:
    """Raises nothing: the folder may not exist yet."""
    default = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return Path(os.environ.get("XDG_CACHE_HOME") or default) / "digital-highway"


def sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def signature_of(path: Path) -> list[int]:
    """Changes whenever the content does, without reading it: size in bytes, modification time in nanoseconds."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


@dataclass(frozen=True)
class Entry:
    """One tool in the cache."""

    folder: Path
    version: str
    executables: dict[str, Path]


@dataclass(frozen=True)
class Cache:
    root: Path

    @property
    def downloads(self) -> Path:
        return self.root / "downloads"

    @contextmanager
    def lock(self, name: str, on_wait: Callable[[], None] | None = None) -> Iterator[int]:
        with locks.held(self.root / "locks" / f"{name}.lock", on_wait) as descriptor:
            yield descriptor

    def staging(self, key: str) -> Path:
        """An empty folder to build the entry `key` in. Its caller holds the lock `key`."""
        folder = self.root / "tools" / f".new-{key}"
        remove_tree(folder)
        folder.mkdir(parents=True, mode=0o700)
        return folder

    def publish(self, key: str, version: str, executables: dict[str, str]) -> Entry:
        """Make what stands in `staging(key)` the entry `key`; `executables` are paths relative to it."""
        staging = self.root / "tools" / f".new-{key}"
        files = {}
        for name, relative in executables.items():
            path = staging / relative
            path.chmod(path.stat().st_mode | 0o755)
            files[name] = {"path": relative, "sha256": sha256_of(path), "signature": signature_of(path)}
        manifest = {"version": version, "files": files}
        (staging / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
        folder = self.root / "tools" / key
        remove_tree(folder)
        staging.rename(folder)
        return Entry(folder, version, {name: folder / relative for name, relative in executables.items()})

    def load(self, key: str) -> Entry | None:
        """The entry `key`, or None when there is none or it is not what was published. An executable whose size
        and time are unchanged is not read again; any other is compared with its checksum."""
        folder = self.root / "tools" / key
        try:
            manifest = json.loads((folder / MANIFEST).read_text())
            executables = {}
            for name, recorded in manifest["files"].items():
                path = folder / recorded["path"]
                if signature_of(path) != recorded["signature"] and sha256_of(path) != recorded["sha256"]:
                    return None
                executables[name] = path
            return Entry(folder, manifest["version"], executables)
        except (OSError, ValueError, KeyError, TypeError):
            return None


def remove_tree(folder: Path) -> None:
    """Remove `folder` whatever the modes inside are (Go makes its module cache read-only)."""
    if not folder.exists():
        return
    try:
        shutil.rmtree(folder)
    except PermissionError:
        for parent, _, _ in os.walk(folder):
            Path(parent).chmod(0o700)
        shutil.rmtree(folder)
