"""`highway release`: declare which app and which model are wanted, and watch the release controller get there."""

import time
from pathlib import Path
from typing import Annotated

import typer
from reference_app.code_bundle import build_files

from infra.cli.console import Stage, out, stages
from infra.cli.train import PIPELINE
from infra.contracts import bundle
from infra.contracts.errors import HighwayError
from infra.local.engine import APP, Engine
from infra.local.home import Home
from infra.local.models import bundle_digest
from infra.local.recovery import restore_checkpoint, update
from infra.local.storage import platform_outputs
from infra.local.supervisor import Supervisor
from infra.operations.pipelines.records import latest_run
from infra.operations.releases.state import Phase, ReleaseState, StateFile, intent_digest, read_intent

POLL_SECONDS = 0.2
LONGEST_RELEASE_SECONDS = 600
CONTROLLER = "releases"
CONTROLLER_SECONDS = 15  # longer than its restart takes


def command(
    model_version: Annotated[str | None, typer.Option(help="A registered version; default: the last trained.")] = None,
    source: Annotated[Path | None, typer.Option(help="The checkout to take the app's code from.")] = None,
    commit: Annotated[str | None, typer.Option(help="The commit that the code is of.")] = None,
) -> None:
    """Release the app with a model: candidate, weights step by step, promoted or rolled back."""
    home = Home.from_environment()
    with stages() as shown, shown.stage("release") as stage:
        version, digest = _model(home, model_version)
        state = release(home, stage, model_version=version, model_digest=digest, source=source, commit=commit)
    out.print(describe(state), highlight=False, markup=False)


def release(  # noqa: PLR0913 - what is released, and from where
    home: Home,
    stage: Stage,
    *,
    model_version: str,
    model_digest: str,
    source: Path | None = None,
    commit: str | None = None,
) -> ReleaseState:
    """Returns when it is promoted. Raises `HighwayError` when it was rolled back, with the reason."""
    engine = Engine(home, APP)
    restore_checkpoint(engine)
    engine.ensure_stack()
    stage.tell("publishing the app's code")
    app_digest = bundle.publish(home.bundles, build_files(source or home.repo))
    wanted = {"model_version": model_version, "model_digest": model_digest, "app_digest": app_digest}
    if not declare(engine, wanted, commit) and _was_refused(home, engine.outputs().get("service")):
        # What made it fail may be mended, and somebody asks for it again.
        engine.set_config({"attempt": str(int(engine.config().get("attempt", "1")) + 1)})
    stage.tell("declaring the release")
    update(engine, lambda _, name, is_done: None if is_done else stage.tell(name))
    service = engine.outputs()["service"]
    state = _watch(home, service, stage)
    stage.finish(describe(state))
    return state


def declare(engine: Engine, wanted: dict[str, str], commit: str | None) -> bool:
    """Configure what is wanted; False when it was so already."""
    current = engine.config()
    if all(current.get(key) == value for key, value in wanted.items()):
        return False
    if commit is None and "commit" in current and current.get("app_digest") != wanted["app_digest"]:
        # It is of the code that was released before; first, so that a kill leaves none rather than a wrong one.
        engine.remove_config("commit")
    engine.set_config(wanted | ({"commit": commit} if commit else {}))
    return True


def _was_refused(home: Home, service: str | None) -> bool:
    state = StateFile.of(home.releases, service).load() if service else None
    return state is not None and state.refused is not None


def describe(state: ReleaseState) -> str:
    """One line: what serves, and what became of the last release."""
    if state.stable is None:
        return f"{state.phase.replace('_', ' ')}; nothing serves yet"
    serves = f"version {state.stable.release.version} serves"
    if state.phase is Phase.ROLLED_BACK:
        return f"{serves}; the last release was rolled back: {state.reason}"
    return f"{serves}, {state.phase.replace('_', ' ')}" + (f" {state.weight_percent} %" if state.weight_percent else "")


def _model(home: Home, wanted: str | None) -> tuple[str, str]:
    """Version and digest of a registered model."""
    platform = platform_outputs(home)
    trained = latest_run(platform.storage.data_uri, PIPELINE)
    result = trained.result if trained else None
    if result is None or result.model is None or result.version is None or result.digest is None:
        raise HighwayError("no model was trained yet; run `highway train` first")
    if wanted in (None, result.version):
        return result.version, result.digest
    return str(wanted), bundle_digest(home, platform.registry, result.model, str(wanted))


def _watch(home: Home, service: str, stage: Stage) -> ReleaseState:
    deadline = time.monotonic() + LONGEST_RELEASE_SECONDS
    supervisor, controller_due = Supervisor(home), time.monotonic() + CONTROLLER_SECONDS
    intent = read_intent(home.releases, service)
    if intent is None:
        raise HighwayError(f"nothing is declared for {service}; run `highway up`")
    while time.monotonic() < deadline:
        state = StateFile.of(home.releases, service).load()
        if state is not None:
            if state.refused == intent_digest(intent):
                raise HighwayError(f"{service} was rolled back: {state.reason}; what served before serves on")
            if state.candidate is None and state.stable is not None and state.stable.release == intent:
                return state
            stage.tell(describe(state))
        if time.monotonic() > controller_due:
            if not supervisor.is_ready(CONTROLLER):
                raise HighwayError("the release controller is down; run `highway up`, see `highway logs releases`")
            controller_due = time.monotonic() + CONTROLLER_SECONDS
        time.sleep(POLL_SECONDS)
    raise HighwayError(f"{service} was not promoted in {LONGEST_RELEASE_SECONDS} s; see `highway logs releases`")
