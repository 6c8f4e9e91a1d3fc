"""Which service listens where. A lease is a file in the user's cache folder, so clones never take each other's.

The lease outlives `down`: bookmarks stay true. It is given up by `down --purge`, and taken over when the home
that holds it no longer exists.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from infra.contracts.errors import HighwayError
from infra.local.home import Home
from infra.local.processes import listening_ports, marked
from infra.toolchain.cache import user_cache
from infra.toolchain.loopback import can_bind

FIRST, LAST = 8460, 8999


class PortTakenError(HighwayError):
    """The port that was asked for by name is not to be had."""


@dataclass(frozen=True)
class Ports:
    home: Home

    @property
    def _folder(self) -> Path:
        return user_cache() / "ports"

    def lease(self, name: str, wanted: int | None = None) -> int:
        """One clone at a time: of two that find the lease of a vanished home, only one may take it over."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / ".lock"):
            return self._lease(name, wanted)

    def _lease(self, name: str, wanted: int | None) -> int:
        """The port of `name`: the one it had, else `wanted`, else the next free one.

        Raises `PortTakenError` when `wanted` is held by another program or highway.
        """
        held = self._held(name)
        if wanted is not None and held != wanted:
            if not (can_bind(wanted) and self._take(wanted, name)):
                raise PortTakenError(
                    f"port {wanted}, asked for by the configuration of {name}, is in use by another program; "
                    "stop that program or configure another port"
                )
            if held is not None:
                self._path(held).unlink(missing_ok=True)
            return wanted
        if held is not None:
            if can_bind(held) or self._is_ours(held):
                return held
            self._path(held).unlink(missing_ok=True)
        for port in range(FIRST, LAST + 1):
            if can_bind(port) and self._take(port, name):
                return port
        raise PortTakenError(f"no free port from {FIRST} to {LAST}; stop a program that listens there")

    def release(self, name: str) -> None:
        held = self._held(name)
        if held is not None:
            self._path(held).unlink(missing_ok=True)

    def release_all(self) -> None:
        for port, _ in list(self.leased()):
            self._path(port).unlink(missing_ok=True)

    def _path(self, port: int) -> Path:
        return self._folder / str(port)

    def leased(self) -> Iterator[tuple[int, str]]:
        """Each port of this home, and the service that has it."""
        for path in self._folder.glob("[0-9]*"):
            lease = _read(path)
            if lease and lease["home"] == str(self.home.root):
                yield int(path.name), lease["name"]

    def _held(self, name: str) -> int | None:
        return next((port for port, holder in self.leased() if holder == name), None)

    def _take(self, port: int, name: str) -> bool:
        """Atomic across processes: only one creates the file."""
        path = self._path(port)
        path.parent.mkdir(parents=True, exist_ok=True)
        lease = _read(path)
        if path.exists() and (lease is None or not Path(lease["home"]).is_dir()):
            path.unlink(missing_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".lease-") as lease_file:
            json.dump({"home": str(self.home.root), "name": name}, lease_file)
            lease_file.flush()
            try:
                # A link appears whole or not at all, and never replaces another's.
                os.link(lease_file.name, path)
            except FileExistsError:
                return False
        return True

    def _is_ours(self, port: int) -> bool:
        return any(port in listening_ports(process) for process in marked(self.home.root))


def _read(path: Path) -> dict[str, str] | None:
    try:
        lease = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return lease if isinstance(lease, dict) and {"home", "name"} <= lease.keys() else None
