"""The log of predictions: every answer is in it or counted as lost, and no answer ever waits for it."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from reference_app.features import Row
from reference_app.line_files import LineFiles
from reference_app.model import Model, load_model
from reference_app.prediction_log import PredictionLog
from reference_app.settings import Settings

from tests.support.tiny_disk import tiny_disk

ROW = Row({"carrier": "B6", "month": 7, "temperature_f": 61.5, "wind_gust_mph": None}, ("temperature_f",))
PATIENCE_SECONDS = 10


class FixedClock:
    is_replay = True

    def now(self) -> datetime:
        return datetime(2013, 11, 1, 12, 30, 15, 123999, tzinfo=UTC)

    def scaled_seconds(self, world_seconds: float) -> float:
        return world_seconds


class Losses:
    def __init__(self) -> None:
        self.total = 0

    def __call__(self, count: int) -> None:
        self.total += count


@contextmanager
def logging_to(folder: Path, losses: Losses, most_waiting: int = 1000) -> Iterator[PredictionLog]:
    files = LineFiles(folder, FixedClock().now(), max_bytes=1_000_000, max_age_seconds=60)
    log = PredictionLog(files, FixedClock(), losses, most_waiting=most_waiting)
    try:
        yield log
    finally:
        log.close(PATIENCE_SECONDS)


Append = Callable[[PredictionLog, int], None]


@pytest.fixture(scope="module")
def model(settings: Settings) -> Model:
    return load_model(settings.bundles, settings.model_digest, settings.model_version)


@pytest.fixture
def append(model: Model) -> Append:
    """As the predictor does it, for request number `number`."""
    return lambda log, number: log.append(f"request-{number}", model, ROW, 0.25)


def written(folder: Path) -> list[dict[str, Any]]:
    """As a reader sees it: what follows the last newline is no line yet."""
    texts = [path.read_text() for path in sorted(folder.glob("*.jsonl"))]
    return [json.loads(line) for text in texts for line in text.split("\n")[:-1]]


def until(is_so: Any) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_line_says_what_was_predicted_from_what_by_which_model(append: Append, model: Model, tmp_path: Path):
    with logging_to(tmp_path, Losses()) as log:
        append(log, 1)
    assert written(tmp_path) == [
        {
            "request_id": "request-1",
            "predicted_at": "2013-11-01T12:30:15.123Z",
            "model": "flight-delay",
            "model_version": "7",
            "model_digest": model.digest,
            "probability_late": 0.25,
            "assumed": ["temperature_f"],
            "features": ROW.values,
        }
    ]


def test_lines_appear_while_the_app_runs(append: Append, tmp_path: Path):
    with logging_to(tmp_path, Losses()) as log:
        append(log, 1)
        until(lambda: len(written(tmp_path)) == 1)


def test_a_clean_stop_writes_all_that_waits_in_order(append: Append, tmp_path: Path):
    losses = Losses()
    with logging_to(tmp_path, losses, most_waiting=10_000) as log:
        for number in range(5000):
            append(log, number)
    assert [line["request_id"] for line in written(tmp_path)] == [f"request-{number}" for number in range(5000)]
    assert losses.total == 0


def test_a_folder_that_cannot_be_used_stops_no_answer_and_what_waits_is_written_later(
    append: Append, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    losses, folder = Losses(), tmp_path / "log"
    folder.write_text("a file where the folder should be")
    with logging_to(folder, losses, most_waiting=100) as log:
        append(log, 0)
        until(lambda: "cannot be written down" in caplog.text)
        for number in range(1, 200):
            append(log, number)
        assert losses.total > 0
        folder.unlink()
        until(lambda: "written down again" in caplog.text)
        append(log, 200)
    lines = written(folder)
    assert len(lines) + losses.total == 201, "every answer is in the log or counted"
    assert (lines[0]["request_id"], lines[-1]["request_id"]) == ("request-0", "request-200")
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 2, "once when it begins and once when it ends, not for each line"
    assert f"{losses.total} were lost" in warnings[1].getMessage()


def test_a_full_disk_stops_no_answer_and_leaves_no_half_line(
    append: Append, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    losses = Losses()
    with tiny_disk(tmp_path / "disk", kibibytes=128) as disk, logging_to(disk, losses, most_waiting=500) as log:
        number = 0
        while losses.total < 100:
            append(log, number)
            number += 1
            assert number < 100_000
        until(lambda: "No space left" in caplog.text)
        full = written(disk)
        assert len(full) > 100, "what went in before is there"
        for path in disk.glob("*.jsonl"):
            path.unlink()
        until(lambda: "written down again" in caplog.text)
        until(lambda: len(full) + len(written(disk)) + losses.total == number)


def test_what_a_slow_disk_costs_is_reported_once_it_has_caught_up(
    append: Append, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    losses, slow = Losses(), threading.Event()
    files = LineFiles(tmp_path, FixedClock().now(), max_bytes=1_000_000, max_age_seconds=60)
    write = files.append

    def written_late(lines: bytes) -> None:
        assert slow.wait(PATIENCE_SECONDS)
        write(lines)

    monkeypatch.setattr(files, "append", written_late)
    log = PredictionLog(files, FixedClock(), losses, most_waiting=10)
    for number in range(100):
        append(log, number)
    slow.set()
    log.close(PATIENCE_SECONDS)
    assert losses.total >= 70
    assert [record.getMessage() for record in caplog.records] == [
        f"predictions are written down again; {losses.total} were lost"
    ]


def test_what_a_stop_cannot_write_is_counted(append: Append, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    losses, folder = Losses(), tmp_path / "log"
    folder.write_text("a file where the folder should be")
    with logging_to(folder, losses) as log:
        for number in range(70):
            append(log, number)
    assert losses.total == 70
    assert "70 predictions were answered and not written down" in caplog.text


def test_a_disk_that_hangs_does_not_keep_the_process(append: Append, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    hanging, losses = threading.Event(), Losses()
    files = LineFiles(tmp_path, FixedClock().now(), max_bytes=1000, max_age_seconds=60)
    monkeypatch.setattr(files, "append", lambda _: hanging.wait(PATIENCE_SECONDS))
    log = PredictionLog(files, FixedClock(), losses, most_waiting=10)
    append(log, 1)
    started = time.monotonic()
    log.close(timeout_seconds=0.4)
    assert time.monotonic() - started < 2
    assert losses.total == 1
    hanging.set()
