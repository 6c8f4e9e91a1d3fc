"""`highway status`: what runs where, what was trained, what is released. Exit code 1 if anything is unhealthy."""

from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from infra.cli.console import out
from infra.cli.release import describe
from infra.cli.train import PIPELINE
from infra.contracts.errors import HighwayError
from infra.contracts.outputs import OUTPUT_NAME, PlatformOutputs
from infra.contracts.pipelines import PipelineResult
from infra.local.engine import PLATFORM, Engine
from infra.local.home import Home
from infra.local.ports import Ports
from infra.local.supervisor import Supervisor
from infra.operations.pipelines.records import latest_run
from infra.operations.releases.state import ReleaseState, StateFile, known_services


class WorkloadStatus(BaseModel):
    """`url` is empty for what has no port of its own."""

    name: str
    is_healthy: bool
    state: str
    restarts: int
    url: str


class Observation(BaseModel):
    """Everything that `highway status` says, and what `--json` prints."""

    home: str
    is_healthy: bool
    platform: PlatformOutputs
    workloads: list[WorkloadStatus]
    training: PipelineResult | None
    releases: list[ReleaseState]


def command(
    json_output: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Show what runs, what was trained and what is released."""
    observed = observe(Home.from_environment())
    if json_output:
        print(observed.model_dump_json(indent=1))
    else:
        out.print(table(observed))
    if not observed.is_healthy:
        raise typer.Exit(1)


def observe(home: Home) -> Observation:
    """Raises `HighwayError` when the highway is not up."""
    supervisor = Supervisor(home)
    engine = Engine(home, PLATFORM)
    promised = engine.outputs().get(OUTPUT_NAME) if engine.has_stack else None
    if promised is None:
        raise HighwayError("the highway is not up; run `highway up`")
    platform = PlatformOutputs.parse(promised)
    workloads = _workloads(home, supervisor)
    trained = latest_run(platform.storage.data_uri, PIPELINE)
    states = [StateFile.of(home.releases, service).load() for service in known_services(home.releases)]
    return Observation(
        home=str(home.root),
        is_healthy=bool(workloads) and all(workload.is_healthy for workload in workloads),
        platform=platform,
        workloads=workloads,
        training=trained.result if trained else None,
        releases=[state for state in states if state],
    )


def _workloads(home: Home, supervisor: Supervisor) -> list[WorkloadStatus]:
    ports = {name: port for port, name in Ports(home).leased()}
    running = {status.name: status for status in supervisor.statuses()} if supervisor.is_alive() else {}
    found = []
    for name in supervisor.services():
        status = running.get(name)
        found.append(
            WorkloadStatus(
                name=name,
                is_healthy=supervisor.is_ready(name),
                state=status.state if status else "GONE",
                restarts=status.restarts if status else 0,
                url=f"http://127.0.0.1:{ports[name]}" if name in ports else "",
            )
        )
    return found


def table(observed: Observation) -> Group:
    """One table for people."""
    runs = Table(title="The digital highway on this machine", title_justify="left")
    for column in ("what", "state", "where"):
        runs.add_column(column, overflow="fold")
    for workload in observed.workloads:
        # supervisord calls the first seconds STARTING, also of what already answers.
        told = "running" if workload.is_healthy else workload.state.lower()
        state = Text(told, style="green" if workload.is_healthy else "bold red")
        if workload.is_healthy is False and workload.state == "RUNNING":
            state.append(" (not ready)")
        if workload.restarts:
            state.append(f" ({workload.restarts} restarts)", style="yellow")
        runs.add_row(workload.name, state, workload.url)
    runs.add_section()
    runs.add_row("trained", *_trained(observed.training))
    for release in observed.releases:
        runs.add_row(f"released {release.service}", escape(describe(release)), observed.platform.cluster.gateway_url)
    return Group(runs)


def _trained(result: PipelineResult | None) -> tuple[str, str]:
    if result is None:
        return "nothing yet", "highway train"
    metrics = ", ".join(f"{name} {value:.4f}" for name, value in sorted(result.metrics.items()))
    return f"{result.model} version {result.version}", (
        f"{result.rows:,} rows; " if result.rows is not None else ""
    ) + metrics


def next_steps(home: Home, platform: PlatformOutputs) -> str:
    """Three things to try, right after an `up`."""
    push = platform.runners.push_url
    return (
        "Try next:\n"
        f"  1. open {platform.cluster.gateway_url} and see the risk of your flight\n"
        f"  2. open {platform.monitoring.cockpit_url}, the cockpit; "
        f"user {platform.registry.user}, password in {home.secret(platform.registry.password_secret)} for MLflow\n"
        f"  3. git push {push} HEAD:main and watch the CI lane"
    )
