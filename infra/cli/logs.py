"""`highway logs`: what a workload said."""

import time
from collections import deque
from pathlib import Path
from typing import Annotated

import typer

from infra.contracts.errors import HighwayError
from infra.local.home import Home

POLL_SECONDS = 0.3


def command(
    name: Annotated[str | None, typer.Argument(help="A workload, job or program; without it, what there is.")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until interrupted.")] = False,
) -> None:
    """Show the log of a workload."""
    found = available(Home.from_environment())
    if name is None:
        print("\n".join(sorted(found)) or "no logs yet; run `highway up`")
        return
    if name not in found:
        raise HighwayError(f"no log of {name!r}; there are: {', '.join(sorted(found)) or 'none yet, run `highway up`'}")
    with found[name].open(errors="replace") as stream:
        print("".join(deque(stream, maxlen=lines)), end="")
        while follow:
            if line := stream.readline():
                print(line, end="", flush=True)
            else:
                time.sleep(POLL_SECONDS)


def available(home: Home) -> dict[str, Path]:
    """The newest log of each name: of `train-20260101T000000-ab12cd.log` the name is `train`."""
    newest: dict[str, Path] = {}
    for path in sorted(home.logs.rglob("*.log"), key=lambda log: log.stat().st_mtime):
        is_job = path.parent.name == "jobs"
        newest[path.stem.rsplit("-", 2)[0] if is_job else path.stem] = path
    return newest
