"""An official release: download, compare with the publisher's checksum, unpack what is kept."""

import fnmatch
import shutil
import tarfile
from pathlib import Path, PurePosixPath

from infra.toolchain import download
from infra.toolchain.errors import SourceUnavailableError, ToolchainError
from infra.toolchain.sources import Release
from infra.toolchain.workshop import Workshop

MEBIBYTE = 1024 * 1024


def fill(source: Release, workshop: Workshop) -> dict[str, str]:
    """Raises `SourceUnavailableError` and `ToolchainError`."""
    name = source.url.rsplit("/", 1)[-1]
    workshop.task.update(f"asking for {name}")
    checksum = download.published_checksum(source.checksums_url, name, source.algorithm)

    def report(done: int, total: int) -> None:
        size = f"{done / MEBIBYTE:.0f} of {total / MEBIBYTE:.0f} MiB" if total else f"{done / MEBIBYTE:.0f} MiB"
        workshop.task.update(f"{name}: {size}", done / total if total else None)

    archive = download.fetch(source.url, workshop.cache.downloads, checksum, source.algorithm, report)
    workshop.task.update(f"unpacking {name}")
    unpack(archive, workshop.staging, keep=source.keep, strip_components=source.strip_components)
    for path in source.executables.values():
        if not (workshop.staging / path).is_file():
            raise SourceUnavailableError(f"{name} has no {path}")
    archive.unlink()
    return source.executables


def unpack(archive: Path, folder: Path, *, keep: tuple[str, ...], strip_components: int) -> None:
    """The regular files of a tar whose stripped path matches a pattern; links and devices are left out.

    Raises `ToolchainError` for a path that would leave `folder`.
    """
    with tarfile.open(archive) as tar:
        for member in tar:
            parts = PurePosixPath(member.name).parts
            parts = tuple(part for part in parts if part != ".")[strip_components:]
            relative = "/".join(parts)
            if not member.isfile() or not any(fnmatch.fnmatchcase(relative, pattern) for pattern in keep):
                continue
            target = folder / relative
            if ".." in parts or not target.resolve().is_relative_to(folder.resolve()):
                raise ToolchainError(f"{archive.name} holds {member.name!r}, which leaves its folder; do not use it")
            content = tar.extractfile(member)
            if content is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
                with content, target.open("wb") as stream:
                    shutil.copyfileobj(content, stream)
                target.chmod(0o755 if member.mode & 0o100 else 0o644)
