"""What was predicted, from what, by which model: a JSON line each, for whoever compares it with what happened.

An answer never waits for the log. It leaves its facts in a queue, and one thread writes them. Where the disk does
not take them they wait, at most `most_waiting` of them; beyond that the newest are lost, counted
(`prediction_log_dropped_total`) and reported once for each outage, and once there is room the writing goes on. A
clean stop writes what waits; a kill loses what was answered within the last `WRITE_EVERY_SECONDS`.

The lines are not synced to the disk one by one: a crash of the machine may take the last seconds with it.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from pydantic_core import to_json

from infra.contracts.clock import Clock
from reference_app.features import Row
from reference_app.line_files import LineFiles
from reference_app.model import Model
from reference_app.settings import Settings

WRITE_EVERY_SECONDS = 0.25
# Encoding holds Python's one lock, so a long batch would make an answer wait: this many take a third of a millisecond.
LINES_A_WRITE = 64

logger = logging.getLogger("reference_app.prediction_log")


class Entry(NamedTuple):
    request_id: str
    predicted_at: datetime
    model: Model
    row: Row
    probability: float


def encode(entry: Entry) -> bytes:
    """A line with its newline. The time is RFC 3339 in UTC with milliseconds, by the clock, so that of a replay."""
    at = entry.predicted_at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    line = {
        "request_id": entry.request_id,
        "predicted_at": f"{at}Z",
        "model": entry.model.card.name,
        "model_version": entry.model.version,
        "model_digest": entry.model.digest,
        "probability_late": entry.probability,
        "assumed": entry.row.assumed,
        "features": entry.row.values,
    }
    return to_json(line) + b"\n"


class PredictionLog:
    """`count_lost` is called with how many predictions were answered and not written down, from any thread."""

    def __init__(self, files: LineFiles, clock: Clock, count_lost: Callable[[int], None], *, most_waiting: int) -> None:
        self._files, self._clock, self._count_lost, self._most_waiting = files, clock, count_lost, most_waiting
        self._waiting: deque[Entry] = deque()
        self._taken: list[Entry] = []  # by the writer, and not yet written
        self._overflowed = 0  # counted by those who answer
        self._reported = 0  # of those, by the writer
        self._is_failing = False
        self._is_stopping = False
        self._wake = threading.Event()
        # A disk that hangs must not keep the process from its end.
        self._writer = threading.Thread(target=self._write_until_stopped, name="prediction-log", daemon=True)
        self._writer.start()

    def append(self, request_id: str, model: Model, row: Row, probability: float) -> None:
        """A listener of the predictor. Takes a microsecond, never waits and never fails."""
        if len(self._waiting) >= self._most_waiting:
            self._overflowed += 1
            self._count_lost(1)
            return
        self._waiting.append(Entry(request_id, self._clock.now(), model, row, probability))
        if len(self._waiting) == self._most_waiting // 2:
            self._wake.set()

    def close(self, timeout_seconds: float) -> None:
        """Write what waits and stop. What is not on the disk after `timeout_seconds` is lost and counted."""
        self._is_stopping = True
        self._wake.set()
        self._writer.join(timeout_seconds)
        if left := len(self._taken) + len(self._waiting):
            self._count_lost(left)
            logger.error("%d predictions were answered and not written down: the disk did not take them", left)

    def _write_until_stopped(self) -> None:
        while not self._is_stopping:
            self._wake.wait(WRITE_EVERY_SECONDS)
            self._wake.clear()
            self._write_waiting()
        self._write_waiting()
        self._files.close()

    def _write_waiting(self) -> None:
        try:
            while self._taken or self._waiting:
                if not self._taken:
                    self._taken = [self._waiting.popleft() for _ in range(min(LINES_A_WRITE, len(self._waiting)))]
                self._files.append(b"".join(map(encode, self._taken)))
                self._taken = []
            self._report_writing()
        except OSError as error:
            self._report_failing(error)
        except Exception:
            # A mistake of ours in one batch must not end the log of all that follow.
            logger.exception("%d predictions cannot be written down", len(self._taken))
            self._count_lost(len(self._taken))
            self._taken = []

    def _report_failing(self, error: OSError) -> None:
        if not self._is_failing:
            self._is_failing = True
            logger.warning(
                "predictions cannot be written down (%s): answers go on, the next %d lines wait, more are lost; "
                "make room or mend the folder of PREDICTION_LOG",
                error,
                self._most_waiting,
            )

    def _report_writing(self) -> None:
        """When none waits any more. A disk that was only slow has cost lines, too."""
        if self._is_failing or self._overflowed > self._reported:
            self._is_failing = False
            lost, self._reported = self._overflowed - self._reported, self._overflowed
            logger.warning("predictions are written down again; %d were lost", lost)


def open_log(folder: Path, settings: Settings, clock: Clock, count_lost: Callable[[int], None]) -> PredictionLog:
    """With the bounds of `settings`. A folder that cannot be used is reported and no reason not to start."""
    files = LineFiles(
        folder,
        clock.now(),
        max_bytes=settings.prediction_log_max_bytes,
        max_age_seconds=settings.prediction_log_max_age_seconds,
    )
    return PredictionLog(files, clock, count_lost, most_waiting=settings.prediction_log_most_waiting)
