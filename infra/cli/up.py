"""`highway up`: tools, platform, pipelines, training, release; each does nothing when nothing changed."""

import shutil
import time
from typing import Annotated

import typer

from infra.cli import status
from infra.cli.console import Stage, Stages, out, stages
from infra.cli.release import release
from infra.cli.train import PIPELINE, train
from infra.contracts.errors import HighwayError
from infra.local import footprint
from infra.local.engine import APP, PIPELINES, PLATFORM, Engine, Program, Summary, environment, write_environment
from infra.local.home import Home
from infra.local.recovery import clear_stale_locks, resume_workloads, update
from infra.local.secrets import ensure_secrets
from infra.local.supervisor import Supervisor

READY_SECONDS = 60
POLL_SECONDS = 0.2


def command(
    platform_only: Annotated[bool, typer.Option("--platform-only", help="Only storage, registry, runners, …")] = False,
) -> None:
    """Stand the highway up, train a model and release it. Run it again at any time, also after a crash."""
    home = Home.from_environment()
    with stages() as shown:
        with shown.stage("tools") as stage:
            prepare(home, stage)
        deploy(home, PLATFORM, shown)
        with shown.stage("services") as stage:
            wait_until_ready(home, stage)
        if not platform_only:
            deploy(home, PIPELINES, shown)
            with shown.stage("train") as stage:
                run = train(home, stage)
            if run.result is None or run.result.version is None or run.result.digest is None:
                raise HighwayError(f"run {run.run_id} registered no model; see `highway logs {PIPELINE}-register`")
            with shown.stage(APP.title) as stage:
                release(home, stage, model_version=run.result.version, model_digest=run.result.digest)
    observed = status.observe(home)
    out.print(status.table(observed))
    out.print(status.next_steps(home, observed.platform), soft_wrap=True)


def prepare(home: Home, stage: Stage) -> None:
    """Tools, secrets and the environment file; then what an earlier life left behind."""
    footprint.remember(home)
    if shutil.which("pulumi", path=environment(home)["PATH"]) is None:
        raise HighwayError("there is no pulumi for this highway yet; run `make up`, which gets the tools first")
    ensure_secrets(home)
    write_environment(home)
    cleared = clear_stale_locks(home)
    resumed = resume_workloads(home)
    notes = [f"cleared {len(cleared)} stale lock(s)"] * bool(cleared) + ["supervisor resumed"] * resumed
    stage.finish(", ".join(notes) or "ready")


def deploy(home: Home, program: Program, shown: Stages) -> Summary:
    """`pulumi up`, after putting right what a killed update or a killed process left."""
    with shown.stage(program.title) as stage:
        engine = Engine(home, program)
        if program is PLATFORM and engine.has_stack and _something_is_down(home):
            engine.refresh(lambda _, name, __: stage.tell(f"refreshing {name}"))
        summary = update(engine, lambda kind, name, is_done: _show(stage, kind, name, is_done))
        stage.finish(f"{summary.changes} changes" if summary.changes else "nothing changed")
    return summary


def wait_until_ready(home: Home, stage: Stage) -> None:
    """Everything that is declared; after a kill or a reboot it was only just started again."""
    supervisor = Supervisor(home)
    # The platform's own were mended by the refresh; revisions of a release are in no Pulumi state.
    supervisor.start_stopped()
    deadline = time.monotonic() + READY_SECONDS
    while unready := [name for name in supervisor.services() if not supervisor.is_ready(name)]:
        if time.monotonic() > deadline:
            raise HighwayError(
                f"not ready within {READY_SECONDS} s: {', '.join(unready)}; see `highway logs {unready[0]}`"
            )
        stage.tell(f"waiting for {', '.join(unready)}")
        time.sleep(POLL_SECONDS)
    stage.finish(f"{len(supervisor.services())} ready")


def _something_is_down(home: Home) -> bool:
    supervisor = Supervisor(home)
    if not supervisor.is_alive():
        return False
    services = set(supervisor.services())
    return any(status.name in services and not status.is_running for status in supervisor.statuses())


def _show(stage: Stage, kind: str, name: str, is_done: bool) -> None:
    if is_done:
        stage.advance()
    else:
        stage.tell(f"{kind.rpartition(':')[2]} {name}")
