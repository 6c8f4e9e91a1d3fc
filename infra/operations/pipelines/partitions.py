"""An artifact with a folder for each partition: taken apart for the runs of a step, and put together from them."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from infra.contracts.errors import HighwayError


class PartitionError(HighwayError):
    """A step maps over something that has no partitions."""


def partitions_of(folder: Path, artifact: str) -> dict[str, Path]:
    """Name -> folder, by name. Files beside the folders belong to no partition. Raises `PartitionError`."""
    folders = {path.name: path for path in sorted(folder.iterdir()) if path.is_dir()}
    if not folders:
        raise PartitionError(
            f"its input {artifact} has no partitions to map over; whoever makes it has to write a folder for each"
        )
    return folders


def merge(parts: Mapping[str, Path], folder: Path) -> None:
    """Put each of `parts`, by partition, into the folder of its name below `folder`."""
    for name, part in parts.items():
        target = folder / name
        target.mkdir()
        for path in sorted(part.rglob("*")):
            place = target / path.relative_to(part)
            if path.is_dir():
                place.mkdir()
            else:
                _link(path, place)


def _link(path: Path, place: Path) -> None:
    """Artifacts are read-only, so two names may share the bytes; not every file system can."""
    try:
        os.link(path, place)
    except OSError:
        shutil.copyfile(path, place)
