"""Files of lines: whole lines only, whatever happens to the disk and to the files."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from reference_app.line_files import LineFiles

from tests.support.tiny_disk import tiny_disk

START = datetime(2013, 11, 1, 12, tzinfo=UTC)


def line_files(folder: Path, max_bytes: int = 1000, max_age_seconds: float = 60) -> LineFiles:
    return LineFiles(folder, START, max_bytes=max_bytes, max_age_seconds=max_age_seconds)


def contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("*.jsonl"))]


def test_a_file_that_is_full_is_followed_by_the_next(tmp_path: Path):
    files = line_files(tmp_path / "deep" / "log", max_bytes=20)
    for number in range(5):
        files.append(b"line %d\n" % number)
    files.append(b"one that is longer than a whole file may be\n")
    files.close()
    assert contents(tmp_path / "deep" / "log") == [
        b"line 0\nline 1\n",
        b"line 2\nline 3\n",
        b"line 4\n",
        b"one that is longer than a whole file may be\n",
    ]
    assert min((tmp_path / "deep" / "log").iterdir()).name.startswith("20131101T120000Z-")


def test_a_file_that_is_old_is_followed_by_the_next(tmp_path: Path):
    files = line_files(tmp_path, max_age_seconds=0)
    files.append(b"first\n")
    files.append(b"second\n")
    files.close()
    assert contents(tmp_path) == [b"first\n", b"second\n"]


def test_two_writers_never_share_a_file(tmp_path: Path):
    for files in (line_files(tmp_path), line_files(tmp_path)):
        files.append(b"line\n")
        files.close()
    assert contents(tmp_path) == [b"line\n", b"line\n"]


def test_lines_do_not_go_into_a_file_that_somebody_removed(tmp_path: Path):
    files = line_files(tmp_path)
    files.append(b"before\n")
    for path in tmp_path.iterdir():
        path.unlink()
    files.append(b"after\n")
    files.close()
    assert contents(tmp_path) == [b"after\n"]


def test_a_full_disk_leaves_no_half_line_and_the_same_lines_can_be_written_later(tmp_path: Path):
    with tiny_disk(tmp_path / "disk", kibibytes=64) as disk:
        files = line_files(disk / "log", max_bytes=1_000_000)
        files.append(b"first\n")
        room = os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize
        filler = disk / "filler"
        filler.write_bytes(b"\0" * (room - 8192))
        lines = b"x" * 16383 + b"\n"
        for _ in range(3):
            with pytest.raises(OSError, match="No space left"):
                files.append(lines)
        assert contents(disk / "log") == [b"first\n"]
        filler.unlink()
        files.append(lines)
        files.close()
        assert contents(disk / "log") == [b"first\n" + lines]
