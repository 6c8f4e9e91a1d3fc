"""What is happening, on stderr: one live line a task on a terminal, plain lines elsewhere."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

BAR_CELLS = 20
PLAIN_SECONDS = 15.0  # a log gets a sign of life this often
LIVE_SECONDS = 0.1


class Task:
    """One line of progress. `fraction` is 0-1, or None when nobody knows."""

    def __init__(self, board: "Progress", name: str) -> None:
        self._board = board
        self.name = name
        self.text = ""
        self.fraction: float | None = None
        self.started = time.monotonic()
        self.is_finished = False

    def update(self, text: str, fraction: float | None = None) -> None:
        is_news = text != self.text
        self.text, self.fraction = text, fraction
        self._board.changed(self, is_news=is_news)

    def done(self, text: str) -> None:
        """The result, shown when the task's block ends."""
        self.text, self.fraction = text, None

    def line(self) -> str:
        seconds = time.monotonic() - self.started
        if self.is_finished or self.fraction is None:
            return f"  {self.name:<14} {self.text} ({seconds:.0f} s)"
        filled = round(min(max(self.fraction, 0.0), 1.0) * BAR_CELLS)
        return f"  {self.name:<14} {'█' * filled}{'░' * (BAR_CELLS - filled)} {self.text} ({seconds:.0f} s)"


class Progress:
    """A board of tasks that several threads update."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._is_live = self._stream.isatty()
        self._lock = threading.Lock()
        self._active: list[Task] = []
        self._drawn_lines = 0
        self._last_draw = 0.0
        self._last_plain: dict[Task, float] = {}

    @contextmanager
    def task(self, name: str) -> Iterator[Task]:
        """Shows a task until the block ends; its last text stays as its result."""
        task = Task(self, name)
        with self._lock:
            self._active.append(task)
        try:
            yield task
        except BaseException:
            task.text = f"{task.text or 'start'}: failed"
            raise
        finally:
            task.is_finished = True
            with self._lock:
                self._active.remove(task)
                self._erase()
                self._write(task.line() + "\n")
                self._draw()

    def changed(self, task: Task, *, is_news: bool) -> None:
        with self._lock:
            now = time.monotonic()
            if self._is_live:
                if is_news or now - self._last_draw >= LIVE_SECONDS:
                    self._erase()
                    self._draw()
                    self._last_draw = now
            elif now - self._last_plain.get(task, task.started) >= PLAIN_SECONDS:
                self._last_plain[task] = now
                self._write(task.line() + "\n")

    def _erase(self) -> None:
        if self._drawn_lines:
            self._write(f"\x1b[{self._drawn_lines}F\x1b[J")
            self._drawn_lines = 0

    def _draw(self) -> None:
        if self._is_live:
            for task in self._active:
                self._write(task.line()[:100] + "\n")
            self._drawn_lines = len(self._active)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
