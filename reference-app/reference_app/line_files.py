"""Files of lines that only ever grow at their end, for one writer and any number of readers.

A line counts once its newline is there: a reader takes whole lines and leaves what follows the last newline, which
a writer that was killed, or a disk that was full, may have left half. Each writer has files of its own, so two
processes never write into one.
"""

import os
import time
import uuid
from datetime import datetime
from pathlib import Path

SUFFIX = ".jsonl"


class LineFiles:
    """`<folder>/<start of the writer>-<random>-<n>.jsonl`: sorted by name they are in the order of time.

    The next file begins when the present one would pass `max_bytes` or is older than `max_age_seconds`.
    """

    def __init__(self, folder: Path, start: datetime, *, max_bytes: int, max_age_seconds: float) -> None:
        # Not the process id: in a container it is always the same.
        self._name = f"{start:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"
        self._folder, self._max_bytes, self._max_age_seconds = folder, max_bytes, max_age_seconds
        self._file: int | None = None
        self._number, self._size, self._opened = 0, 0, 0.0

    def append(self, lines: bytes) -> None:
        """All of `lines` or, with an `OSError`, none of them: the next call may give them again."""
        if self._file is not None and self._is_done(self._file, len(lines)):
            self.close()
        file = self._open() if self._file is None else self._file
        try:
            rest = memoryview(lines)
            while rest:
                rest = rest[os.write(file, rest) :]
        except OSError:
            self._take_back(file)
            raise
        self._size += len(lines)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _is_done(self, file: int, more: int) -> bool:
        """Full, old, or removed by somebody: into a removed file one could write for ever without an error."""
        is_full = self._size > 0 and self._size + more > self._max_bytes
        is_old = time.monotonic() - self._opened >= self._max_age_seconds
        return is_full or is_old or os.fstat(file).st_nlink == 0

    def _open(self) -> int:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        path = self._folder / f"{self._name}-{self._number + 1:04d}{SUFFIX}"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self._number, self._size, self._opened = self._number + 1, 0, time.monotonic()
        return self._file

    def _take_back(self, file: int) -> None:
        """Half a line at the end would spoil the one that is written after it."""
        try:
            os.ftruncate(file, self._size)
        except OSError:
            self.close()  # then the half line stays the last of its file, and the next file begins clean
