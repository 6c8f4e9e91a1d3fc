"""The command line: one verb a module, errors in one line, exit codes that scripts can rely on."""

import os
import signal
import sys

import typer

from infra.cli import console, doctor, down, env, experiment, feature, logs, release, reproduce, status, train, up
from infra.contracts.errors import HighwayError
from infra.local.proxies import without_proxy

INTERRUPTED = 128 + signal.SIGINT

app = typer.Typer(
    name="highway",
    help="Drive on the digital highway: stand it up, train, release, watch, take it down.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("up")(up.command)
app.command("down")(down.command)
app.command("status")(status.command)
app.command("doctor")(doctor.command)
app.command("train")(train.command)
app.command("experiment")(experiment.command)
app.command("reproduce")(reproduce.command)
app.command("feature")(feature.command)
app.command("release")(release.command)
app.command("logs")(logs.command)
app.command("env")(env.command)


def main() -> None:
    """Exit code 0: done; 1: not done, with a line that says why; 2: wrong usage; 130: interrupted."""
    os.environ.update(without_proxy())
    try:
        app()
    except HighwayError as error:
        console.fail(str(error))
        sys.exit(1)
    except OSError as error:
        console.fail(f"{error.filename or 'the system'}: {error.strerror or error}; see `highway doctor`")
        sys.exit(1)
    except SystemExit as end:
        # Typer turns Ctrl-C into this exit code without a word.
        if end.code == INTERRUPTED:
            console.fail("interrupted; the same command goes on from what is there")
        raise
