"""Downloads that go on where they stopped and are never used before their checksum has matched."""

import hashlib
import os
import queue
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from infra.toolchain.errors import SourceUnavailableError, ToolchainError

CONNECT_SECONDS = 5.0  # a source that has not answered by then is passed over
STALL_SECONDS = 30.0
CHUNK_BYTES = 256 * 1024
HEX_DIGITS = {"sha256": 64, "sha512": 128}

Report = Callable[[int, int], None]  # bytes so far, bytes in all (0 when unknown)


def _open(url: str, start: int = 0) -> HTTPResponse:
    """Raises `SourceUnavailableError` after `CONNECT_SECONDS`, whatever hangs (a name lookup has no timeout)."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    answer: queue.Queue[Any] = queue.Queue()

    def ask() -> None:
        try:
            # An opener of its own reads the proxy settings of now; `urlopen` keeps those of its first call.
            answer.put(urllib.request.build_opener().open(request, timeout=STALL_SECONDS))
        except (OSError, HTTPException) as error:
            answer.put(error)

    threading.Thread(target=ask, daemon=True).start()
    host = urllib.parse.urlsplit(url).netloc
    try:
        result = answer.get(timeout=CONNECT_SECONDS)
    except queue.Empty as error:
        raise SourceUnavailableError(f"{host} does not answer") from error
    if isinstance(result, urllib.error.HTTPError):
        raise SourceUnavailableError(f"{url} answers {result.code} {result.reason}") from result
    if isinstance(result, Exception):
        raise SourceUnavailableError(f"{host} cannot be reached ({getattr(result, 'reason', result)})") from result
    response: HTTPResponse = result
    return response


def published_checksum(checksums_url: str, file_name: str, algorithm: str) -> str:
    """The checksum that the publisher's list gives for `file_name`; a list of one checksum needs no name in it.

    Raises `SourceUnavailableError` when the list cannot be had or does not name the file.
    """
    with _open(checksums_url) as response:
        try:
            text = response.read(1024 * 1024).decode(errors="replace")
        except (OSError, HTTPException) as error:
            raise SourceUnavailableError(f"{checksums_url} broke off ({error})") from error
    lines = [line.split() for line in text.splitlines() if line.strip()]
    for words in lines:
        is_ours = words[-1].lstrip("*").removeprefix("./") == file_name or (len(lines) == 1 and len(words) == 1)
        digest = words[0].lower()
        if is_ours and len(digest) == HEX_DIGITS[algorithm] and set(digest) <= set("0123456789abcdef"):
            return digest
    raise SourceUnavailableError(f"{checksums_url} has no {algorithm} checksum of {file_name}")


def fetch(url: str, folder: Path, checksum: str, algorithm: str, report: Report) -> Path:
    """The file behind `url`, in `folder`, with the given checksum. Its caller holds a lock on it.

    What an earlier call left is kept and added to. Raises `SourceUnavailableError` when the server cannot be
    reached or breaks off, and `ToolchainError` when the bytes are not what the publisher says.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = Path(urllib.parse.urlsplit(url).path).name
    complete = folder / f"{checksum[:16]}-{name}"
    partial = folder / f"{complete.name}.part"
    if complete.exists() and _digest(complete, algorithm) == checksum:
        return complete
    was_partial = partial.exists()
    _append(url, partial, report)
    if _digest(partial, algorithm) != checksum and was_partial:
        partial.unlink()  # the earlier part may have been spoilt, by a crash of the machine for example
        _append(url, partial, report)
    actual = _digest(partial, algorithm)
    if actual != checksum:
        partial.unlink()
        raise ToolchainError(
            f"{name} has {algorithm} {actual[:16]}…, but its publisher says {checksum[:16]}…; "
            "it was thrown away: run again, and if it stays so do not trust your network"
        )
    partial.replace(complete)
    return complete


def _append(url: str, partial: Path, report: Report) -> None:
    start = partial.stat().st_size if partial.exists() else 0
    try:
        response = _open(url, start)
    except SourceUnavailableError as error:
        cause = error.__cause__
        if not (start and isinstance(cause, urllib.error.HTTPError) and cause.code == 416):
            raise
        return  # nothing is missing: the part is the whole
    with response, partial.open("ab" if response.status == 206 else "wb") as stream:
        done = start if response.status == 206 else 0
        total = done + int(response.headers.get("Content-Length") or 0)
        try:
            while chunk := response.read(CHUNK_BYTES):
                stream.write(chunk)
                done += len(chunk)
                report(done, total)
        except (OSError, HTTPException) as error:
            raise SourceUnavailableError(f"{url} broke off after {done} bytes ({error})") from error
        stream.flush()
        os.fsync(stream.fileno())
        if done < total:
            raise SourceUnavailableError(f"{url} broke off after {done} of {total} bytes")


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()
