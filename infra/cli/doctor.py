"""`highway doctor`: what this machine lacks, and how to get it."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from infra.cli.console import out
from infra.local.home import Home
from infra.local.ports import FIRST, LAST
from infra.toolchain.doctor import run_checks


def command(
    json_output: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
) -> None:
    """Check this machine. Exit code 1 when something that is needed is missing."""
    checks = run_checks(Home.from_environment().root, range(FIRST, LAST + 1))
    if json_output:
        out.print_json(data=[asdict(check) for check in checks])
    else:
        shown = Table()
        for column in ("", "check", "found", "how to get it"):
            shown.add_column(column)
        for check in checks:
            mark = "[green]✓" if check.ok else "[red]✗" if check.is_needed else "[yellow]-"
            shown.add_row(mark, check.name, escape(check.detail), "" if check.ok else escape(check.fix))
        out.print(shown)
    if any(check.is_needed and not check.ok for check in checks):
        raise typer.Exit(1)
