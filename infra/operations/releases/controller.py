"""One service's release, a turn at a time: look at the intent, move the state, make the world as the state says.

The state is written before its effects, and every effect may be repeated: a controller that is killed between
any two lines goes on where it was.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from infra.contracts.clock import Clock
from infra.contracts.events import ReleaseStep
from infra.contracts.release import Release
from infra.operations.releases import transitions
from infra.operations.releases.announcement import release_step
from infra.operations.releases.state import Phase, ReleaseState, StateFile, fresh

# One slow answer of a busy machine is no reason to roll back.
PROBLEMS_IN_A_ROW = 3
# A request that has read the split is passed on within milliseconds; then only requests under way are left, which
# the revision finishes itself when it is asked to stop.
SETTLE_SECONDS = 1.0

log = logging.getLogger(__name__)


class RevisionFailedError(Exception):
    """A revision could not be started or did not become ready; the message says why."""


class Revisions(Protocol):
    """Runs revisions side by side. Starting what runs and stopping what does not change nothing."""

    def start(self, release: Release) -> str:
        """Wait until it is ready; returns "host:port". Raises `RevisionFailedError`."""
        ...

    def stop(self, release: Release) -> None:
        """Let it finish what it has, then end it."""
        ...

    def problem(self, release: Release, address: str) -> str | None:
        """What is wrong with it now, in one line; None when it is healthy."""
        ...


class Traffic(Protocol):
    """Where requests go (`infra.local.split.Split`)."""

    def set(self, stable: str | None, candidate: str | None = None, weight_percent: int = 0) -> None: ...


@dataclass
class Controller:
    """`record` must not block and not raise: no release waits for the ledger."""

    service: str
    states: StateFile
    revisions: Revisions
    traffic: Traffic
    record: Callable[[ReleaseStep], None]
    clock: Clock
    _is_resumed: bool = field(default=False, init=False)
    _problems: int = field(default=0, init=False)

    @property
    def state(self) -> ReleaseState:
        return self.states.load() or fresh(self.service, self.clock.now())

    def turn(self, intent: Release | None) -> ReleaseState:
        """One move at most, then its effects. Raises `OSError` when the state cannot be written."""
        state = self.state
        if not self._is_resumed:
            state = self._resume(state)
        state = self._move(state, transitions.decide(state, intent, self.clock.now()))
        self._send_requests(state)
        if state.phase is Phase.STARTING:
            state = self._start(state)
        elif state.phase is Phase.SHIFTING:
            state = self._watch(state)
        return self._stop_retiring(state)

    def _resume(self, state: ReleaseState) -> ReleaseState:
        """After a start: the last event may not have been recorded, the stable revision may not run, and where it
        listened somebody else may."""
        self._record(state)
        stable = state.stable
        if stable and stable.address and self.revisions.problem(stable.release, stable.address):
            try:
                address = self.revisions.start(stable.release)
            except RevisionFailedError as error:
                log.warning("%s: the stable revision %s is not ready: %s", self.service, stable.digest, error)
            else:
                if address != stable.address:
                    state = transitions.relocated(state, address)
                    self.states.save(state)
        self._is_resumed = True
        return state

    def _move(self, state: ReleaseState, to: ReleaseState | None) -> ReleaseState:
        if to is None:
            return state
        self.states.save(to)
        self._problems = 0
        log.info("%s: %s, candidate at %d %% %s", self.service, to.phase, to.weight_percent, to.reason or "")
        self._record(to)
        return to

    def _send_requests(self, state: ReleaseState) -> None:
        stable = state.stable.address if state.stable else None
        if state.phase is Phase.SHIFTING and state.candidate:
            self.traffic.set(stable, state.candidate.address, state.weight_percent)
        else:
            self.traffic.set(stable)

    def _start(self, state: ReleaseState) -> ReleaseState:
        candidate = state.the_candidate
        try:
            address = self.revisions.start(candidate.release)
        except RevisionFailedError as error:
            moved = transitions.roll_back(state, str(error), self.clock.now())
        else:
            moved = transitions.started(state, address, self.clock.now())
        state = self._move(state, moved)
        self._send_requests(state)
        return state

    def _watch(self, state: ReleaseState) -> ReleaseState:
        candidate = state.the_candidate
        problem = self.revisions.problem(candidate.release, candidate.address or "")
        self._problems = self._problems + 1 if problem else 0
        if problem is None:
            moved = transitions.advance(state, self.clock.now())
        elif self._problems >= PROBLEMS_IN_A_ROW:
            moved = transitions.roll_back(state, problem, self.clock.now())
        else:
            moved = None
        state = self._move(state, moved)
        self._send_requests(state)
        return state

    def _stop_retiring(self, state: ReleaseState) -> ReleaseState:
        for leaving in state.retiring:
            if (self.clock.now() - leaving.since).total_seconds() >= SETTLE_SECONDS:
                self.revisions.stop(leaving.revision.release)
                state = transitions.retired(state, leaving)
                self.states.save(state)
        return state

    def _record(self, state: ReleaseState) -> None:
        event = release_step(state, self.clock)
        if event is not None:
            self.record(event)
