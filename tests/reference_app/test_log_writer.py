"""The log's own thread: nobody waits for whoever takes the lines, and what is lost is said."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from reference_app.log_writer import LogWriter


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_a_clean_stop_writes_all_lines_in_order(pipe: tuple[int, int]):
    reader, writing = pipe
    log = LogWriter(writing)
    lines = [b"line %d\n" % number for number in range(1000)]
    for line in lines:
        log.write(line)
    log.close()
    assert os.read(reader, 65_536) == b"".join(lines)


def test_a_pipe_that_nobody_empties_holds_up_neither_the_app_nor_its_end(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("reference_app.log_writer.CLOSE_SECONDS", 0.2)
    log = LogWriter(pipe[1])
    started = time.monotonic()
    for _ in range(2000):
        log.write(b"x" * 99 + b"\n")
    log.close()
    assert time.monotonic() - started < 5
    left = 2000 * 100
    while left:  # so that the thread ends before the pipe does
        left -= len(os.read(pipe[0], 65_536))


def test_lines_that_cannot_be_written_are_counted_in_a_later_line(pipe: tuple[int, int]):
    reader, writing = pipe
    log = LogWriter(writing)
    kept = os.dup(writing)
    with Path("/dev/full").open("wb") as full:
        os.dup2(full.fileno(), writing)
        for number in range(3):
            log.write(b"%d\n" % number)
        time.sleep(0.3)
        os.dup2(kept, writing)
    os.close(kept)
    log.write(b'{"message": "room again"}\n')
    log.close()
    said = [json.loads(line)["message"] for line in os.read(reader, 65_536).splitlines()]
    assert said == ["room again", "3 lines could not be written and are lost"]
