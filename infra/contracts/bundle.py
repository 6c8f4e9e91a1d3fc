"""Bundles: the local counterpart of an image, a tar of files addressed by the SHA-256 of its bytes.

The same files give the same bytes on any machine (sorted names, no owners, no times), so the digest names the
content. A store is a folder: `<store>/sha256/<hex>.tar`. Nothing is unpacked or loaded before its digest has
been verified.
"""

import hashlib
import io
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path

from infra.contracts.errors import HighwayError
from infra.contracts.files import write_atomically

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class BundleError(HighwayError):
    """A bundle is missing, or is not what its digest says."""


class StoreUnreachableError(BundleError):
    """The store itself cannot be read, so nobody knows what it holds."""


def pack(files: Mapping[str, bytes]) -> bytes:
    """A deterministic tar of `files` (relative posix path -> content)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size = len(files[name])
            member.mode = 0o644
            tar.addfile(member, io.BytesIO(files[name]))
    return buffer.getvalue()


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def path_in(store: Path, digest: str) -> Path:
    """Raises `BundleError` when `digest` is malformed, so that it can never leave the store."""
    if not DIGEST.fullmatch(digest):
        raise BundleError(f"digest {digest!r}: expected sha256: and 64 lower-case hex digits")
    return store / "sha256" / f"{digest.removeprefix('sha256:')}.tar"


def publish(store: Path, files: Mapping[str, bytes]) -> str:
    """Put `files` into `store`; returns the digest. Publishing the same files again changes nothing."""
    content = pack(files)
    digest = digest_of(content)
    path = path_in(store, digest)
    if not path.exists():
        write_atomically(path, content)
    return digest


def fetch(store: Path, digest: str) -> dict[str, bytes]:
    """The files of a verified bundle. Raises `BundleError` when it is absent or its bytes do not match."""
    return files_of(verified(store, digest))


def verified(store: Path, digest: str) -> bytes:
    """The bytes of a bundle, which are those of its digest. Raises `BundleError`."""
    path = path_in(store, digest)
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        if path.parent.is_dir():
            raise BundleError(f"no bundle {digest} in {store}; publish it again or choose another version") from error
        # The empty folder of a disk that is not mounted looks the same as a store that nothing was published to.
        raise StoreUnreachableError(
            f"no bundle {digest} in {store}, where no bundles are at all; publish it again or choose another version"
        ) from error
    except OSError as error:
        raise StoreUnreachableError(f"bundle {digest} cannot be read ({error}); bring its store back") from error
    actual = digest_of(content)
    if actual != digest:
        raise BundleError(f"bundle {path} is {actual}, not {digest}: it was altered, remove it and publish it again")
    return content


def files_of(content: bytes) -> dict[str, bytes]:
    """What `pack` has put together."""
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        for member in tar:
            stream = tar.extractfile(member)
            if stream is not None:
                files[member.name] = stream.read()
    return files


def unpack(store: Path, digest: str, target: Path) -> Path:
    """Verify, then write the files below `target/<hex>`; returns that folder. Done once per digest."""
    folder = target / digest.removeprefix("sha256:")
    complete = folder / ".complete"
    if not complete.exists():
        for name, content in fetch(store, digest).items():
            destination = (folder / name).resolve()
            if not destination.is_relative_to(folder.resolve()):
                raise BundleError(f"bundle {digest} holds {name!r}, which leaves its folder")
            write_atomically(destination, content)
        write_atomically(complete, b"")
    return folder
