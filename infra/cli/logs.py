"""`highway logs`: what a workload said."""

import re
import time
from collections import deque
from pathlib import Path
from typing import Annotated

import typer

from infra.contracts.errors import HighwayError
from infra.local.home import Home

POLL_SECONDS = 0.3
REVISION = re.compile(r"(?P<service>.+)-[0-9a-f]{10}")  # as the release controller names them


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
    """The newest log of each name."""
    newest: dict[str, Path] = {}
    for path in sorted(home.logs.rglob("*.log"), key=lambda log: log.stat().st_mtime):
        newest.update(dict.fromkeys(_names(path), path))
    return newest


def _names(path: Path) -> tuple[str, ...]:
    """Of `jobs/train-ingest-20260101T000000-ab12cd.log` train-ingest; a revision's is found by its service's, too."""
    match path.parent.name:
        case "jobs":
            return (path.stem.rsplit("-", 2)[0],)
        case "pulumi":
            return (f"pulumi-{path.stem}",)
        case "workloads" if revision := REVISION.fullmatch(path.stem):
            return path.stem, revision["service"]
    return (path.stem,)
