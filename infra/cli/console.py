"""What people see: progress on stderr, results on stdout."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from infra.contracts.errors import HighwayError

out = Console()
err = Console(stderr=True)


def fail(message: str) -> None:
    err.print(f"[bold red]highway:[/] {escape(message)}", highlight=False, soft_wrap=True)


class Stage:
    """One bar. `total` is None while nobody knows how much there is."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=None, what="")
        self._done = 0

    def tell(self, what: str) -> None:
        """Plain text: a reason may hold brackets, which are no markup."""
        self._progress.update(self._task, what=escape(what))

    def expect(self, total: int) -> None:
        self._progress.update(self._task, total=total)

    def advance(self) -> None:
        self._done += 1
        self._progress.update(self._task, completed=self._done)

    def finish(self, what: str) -> None:
        self._end(escape(what))

    def fail(self) -> None:
        self._end("[red]failed")

    def _end(self, what: str) -> None:
        self._progress.update(self._task, total=max(1, self._done), completed=max(1, self._done), what=what)


class Stages:
    """The bars of one command, one below the other."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    @contextmanager
    def stage(self, title: str) -> Iterator[Stage]:
        """Shows how it ended; without a terminal, one line at the start and one at the end."""
        started = time.monotonic()
        stage = Stage(self._progress, title)
        if not err.is_terminal:
            err.print(f"{title} …", highlight=False)
        try:
            yield stage
        except HighwayError:
            stage.fail()
            raise
        finally:
            if not err.is_terminal:
                err.print(f"{title}: {time.monotonic() - started:.1f} s", highlight=False)


@contextmanager
def stages() -> Iterator[Stages]:
    columns = (
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description:<14}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[what]}"),
    )
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        yield Stages(progress)
