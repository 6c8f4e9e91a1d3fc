"""`highway down`: destroy what was put up, and prove that nothing is left."""

import shutil
import socket
from typing import Annotated

import typer

from infra.cli.console import Stages, err, out, stages
from infra.contracts.errors import HighwayError
from infra.local.engine import PROGRAMS, Engine
from infra.local.footprint import new_files
from infra.local.home import Home
from infra.local.ports import Ports
from infra.local.processes import end, marked
from infra.local.recovery import clear_stale_locks, restore_checkpoint
from infra.local.secrets import ensure_secrets
from infra.local.supervisor import Supervisor

# What a new `up` makes again, and what only `--purge` takes. Tools and the virtual environment stay.
MADE_AGAIN = ("run",)
PURGED = ("data", "state", "logs", "outbox", "secrets", "pulumi", "env", "Pulumi.local.yaml")


def command(
    purge: Annotated[bool, typer.Option("--purge", help="Remove data, registry, ledger and secrets too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before --purge.")] = False,
) -> None:
    """Take the highway down. Data stays unless --purge is given."""
    home = Home.from_environment()
    if purge and not yes:
        typer.confirm(f"Remove all data of {home.root} (models, ledger, registry, secrets)?", abort=True, err=True)
    with stages() as shown:
        if home.state.exists():
            destroy(home, shown)
        with shown.stage("sweep") as stage:
            sweep(home)
            stage.finish("supervisor stopped")
    gone = (*MADE_AGAIN, *PURGED) if purge else MADE_AGAIN
    if purge:
        for name in PURGED:
            _remove(home, name)
    left = leftovers(home) + [f"folder or file {home.root / name}" for name in gone if (home.root / name).exists()]
    if left:
        raise HighwayError("something is left:\n  " + "\n  ".join(left))
    if purge:
        Ports(home).release_all()
    for name in new_files(home):
        err.print(f"since the first up there is a new file: {name}", highlight=False)
    kept = "nothing but tools" if purge else f"data kept in {home.data.relative_to(home.repo)}"
    out.print(f"down: no process and no port is left; {kept}", highlight=False)


def destroy(home: Home, shown: Stages) -> None:
    """The programs in reverse order."""
    ensure_secrets(home)
    clear_stale_locks(home)
    for program in reversed(PROGRAMS):
        with shown.stage(program.title) as stage:
            engine = Engine(home, program)
            restore_checkpoint(engine)
            if engine.has_stack:
                engine.destroy(lambda _, name, is_done: None if is_done else stage.tell(name))
            stage.finish("destroyed")


def sweep(home: Home) -> None:
    """What no stack knows: revisions of releases, jobs of an interrupted run, the supervisor."""
    supervisor = Supervisor(home)
    for name in supervisor.declared():
        supervisor.remove(name)
    supervisor.shut_down()
    end(marked(home.root), patience_seconds=5)
    for name in MADE_AGAIN:
        _remove(home, name)


def leftovers(home: Home) -> list[str]:
    """A line for each thing that should not be there any more: the proof of `down`."""
    found = [f"process {process.pid}: {process.name()}" for process in marked(home.root)]
    for port, name in Ports(home).leased():
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                found.append(f"port {port} of {name} is still listened on")
    return found


def _remove(home: Home, name: str) -> None:
    path = home.root / name
    try:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    except OSError as error:
        err.print(f"{path}: {error.strerror}", highlight=False)
