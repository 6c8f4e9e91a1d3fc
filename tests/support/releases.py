"""A small world for the release controller: revisions that start, fail and stop, a real split file, a clock."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from infra.contracts.events import ReleaseStep
from infra.contracts.release import CanaryStep, Release
from infra.contracts.workload import DataClassification, Probe, Service
from infra.local.split import Split
from infra.operations.releases.controller import Controller, RevisionFailedError
from infra.operations.releases.state import ReleaseState, StateFile

STEPS = (CanaryStep(weight_percent=10, hold_seconds=2), CanaryStep(weight_percent=50, hold_seconds=2))


def release(version: str, *, steps: tuple[CanaryStep, ...] = STEPS, **service: object) -> Release:
    """Each version is another template, as it is when the model's digest is in the environment."""
    return Release(
        name="app-release",
        version=version,
        steps=steps,
        service=Service(
            name="app",
            owner="product",
            data_classification=DataClassification.PUBLIC,
            command=("serve",),
            environment={"VERSION": version},
            port=8080,
            readiness=Probe(path="/ready"),
            **service,
        ),
    )


class Clock:
    """Goes on only when told to."""

    is_replay = False

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def scaled_seconds(self, world_seconds: float) -> float:
        return world_seconds


class KilledError(BaseException):
    """Stands for SIGKILL: no handler of the controller may catch it."""


class World:
    """All that outlives a controller. After every effect it checks that no request goes where nobody is."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.split = Split(folder / "split")
        self.states = StateFile(folder / "app.state.json")
        self.running: dict[str, str] = {}
        self.broken: set[str] = set()
        self.problems: dict[str, str] = {}
        self.events: dict[str, ReleaseStep] = {}
        self.known: set[str] = set()
        self.effects = 0
        self.kill_at: tuple[int, str] | None = None  # (number of the effect, "before" or "after" it)
        self.controller = self.start_controller()

    def start_controller(self) -> Controller:
        world = self

        class States(StateFile):
            def save(self, state: ReleaseState) -> None:
                world.effect(lambda: StateFile.save(self, state))

        class Revisions:
            def start(self, release: Release) -> str:
                world.effect(lambda: world.running.setdefault(release.revision, f"{release.revision}:80"))
                if release.version in world.broken:
                    raise RevisionFailedError(f"{release.version} was not ready in time")
                return world.running[release.revision]

            def stop(self, release: Release) -> None:
                world.effect(lambda: world.running.pop(release.revision, None))

            def problem(self, release: Release, address: str) -> str | None:
                if world.running.get(release.revision) != address:
                    return f"{release.version} does not run"
                return world.problems.get(release.version)

        class Traffic:
            def set(self, stable: str | None, candidate: str | None = None, weight_percent: int = 0) -> None:
                world.effect(lambda: world.split.set(stable, candidate, weight_percent))

        self.controller = Controller(
            service="app",
            states=States(self.states.path),
            revisions=Revisions(),
            traffic=Traffic(),
            record=lambda event: self.effect(lambda: self.events.setdefault(event.id, event)),
            clock=self.clock,
        )
        return self.controller

    def effect(self, do: Callable[[], object]) -> None:
        self.effects += 1
        if self.kill_at == (self.effects, "before"):
            raise KilledError
        do()
        self.check()
        if self.kill_at == (self.effects, "after"):
            raise KilledError

    def check(self) -> None:
        weights = self.split.read()
        served = {weights.stable} if weights.weight_percent < 100 else set()
        served |= {weights.candidate} if weights.weight_percent else set()
        assert served - {None} <= set(self.running.values()), f"{weights} but only {self.running} run"

    def turns(self, intent: Release | None, count: int = 40, seconds: float = 0.5) -> ReleaseState:
        """As the service does: a turn, a pause. A killed controller is started again."""
        for _ in range(count):
            try:
                self.controller.turn(intent)
            except KilledError:
                self.kill_at = None
                self.check()
                self.start_controller()
            self.clock.time += timedelta(seconds=seconds)
        return self.controller.state

    @property
    def weights(self) -> tuple[str | None, str | None, int]:
        read = self.split.read()
        return read.stable, read.candidate, read.weight_percent

    def forget_events(self) -> None:
        """Those so far: told again they are no news, since the ledger goes by their ids."""
        self.known |= self.events.keys()
        self.events.clear()

    @property
    def told(self) -> list[tuple[str, int]]:
        news = (event for event in self.events.values() if event.id not in self.known)
        return [(event.phase, event.candidate_weight_percent) for event in news]


def address(of: Release) -> str:
    return f"{of.revision}:80"
