"""The moves of a release, as pure functions from one state to the next.

IDLE / PROMOTED / ROLLED_BACK --new intent--> ANNOUNCED --> STARTING --ready--> SHIFTING --steps held--> PROMOTED
from ANNOUNCED, STARTING, SHIFTING: failed, unhealthy or superseded --> ROLLED_BACK
at rest, intent gone --> IDLE
"""

from datetime import datetime

from infra.contracts.release import Release
from infra.operations.releases.state import Phase, ReleaseState, Retiring, Revision, intent_digest

AT_REST = (Phase.IDLE, Phase.PROMOTED, Phase.ROLLED_BACK)


def decide(state: ReleaseState, intent: Release | None, now: datetime) -> ReleaseState | None:
    """The move that the intent and the time alone ask for; None when there is none."""
    if state.phase in AT_REST:
        return _from_rest(state, intent, now)
    candidate = state.the_candidate
    if intent is None:
        return roll_back(state, "withdrawn: nothing is wanted any longer", now, is_refused=False)
    if intent.revision != candidate.digest:
        return roll_back(state, f"superseded by {intent.version} ({intent.revision})", now, is_refused=False)
    if state.phase is Phase.ANNOUNCED:
        return _moved(state, now, phase=Phase.STARTING)
    return None


def started(state: ReleaseState, address: str, now: datetime) -> ReleaseState:
    """The candidate is ready at `address`: it gets its first step, or everything when nobody else serves."""
    ready = state.the_candidate.model_copy(update={"address": address})
    if state.stable is None or not ready.release.steps:
        return _promoted(state, ready, now)
    return _moved(state, now, phase=Phase.SHIFTING, candidate=ready, step=0)


def advance(state: ReleaseState, now: datetime) -> ReleaseState | None:
    """The next step of a healthy candidate; None while the present one must be held."""
    candidate = state.the_candidate
    if (now - state.changed_at).total_seconds() < candidate.release.steps[state.step].hold_seconds:
        return None
    if state.step + 1 < len(candidate.release.steps):
        return _moved(state, now, step=state.step + 1)
    return _promoted(state, candidate, now)


def roll_back(state: ReleaseState, reason: str, now: datetime, *, is_refused: bool = True) -> ReleaseState:
    """All requests to the stable revision. A refused intent is not tried again until it changes."""
    candidate = state.the_candidate
    return _moved(
        state,
        now,
        phase=Phase.ROLLED_BACK,
        candidate=None,
        step=0,
        retiring=(*state.retiring, Retiring(revision=candidate, since=now)),
        reason=reason,
        refused=intent_digest(candidate.release) if is_refused else None,
    )


def relocated(state: ReleaseState, address: str) -> ReleaseState:
    """The stable revision listens elsewhere since it was started again."""
    if state.stable is None:
        raise ValueError(f"{state.service} has no stable revision")
    return state.model_copy(update={"stable": state.stable.model_copy(update={"address": address})})


def retired(state: ReleaseState, stopped: Retiring) -> ReleaseState:
    return state.model_copy(update={"retiring": tuple(one for one in state.retiring if one != stopped)})


def _from_rest(state: ReleaseState, intent: Release | None, now: datetime) -> ReleaseState | None:
    if intent is None:
        return None if state.phase is Phase.IDLE else _withdrawn(state, now)
    if state.stable and state.stable.digest == intent.revision:
        # The same processes under another label, such as a version's name: nothing to shift.
        if state.stable.release == intent and state.refused is None:
            return None
        relabelled = state.stable.model_copy(update={"release": intent})
        return state.model_copy(update={"stable": relabelled, "refused": None})
    if intent_digest(intent) == state.refused:
        return None
    return _moved(
        state,
        now,
        phase=Phase.ANNOUNCED,
        release_id=f"{state.service}-{intent.revision}-{int(now.timestamp() * 1000)}",
        announced_at=now,
        release=intent,
        candidate=Revision(release=intent),
        # It may be on its way out from an earlier try: keep it.
        retiring=tuple(one for one in state.retiring if one.revision.digest != intent.revision),
        reason=None,
        refused=None,
    )


def _withdrawn(state: ReleaseState, now: datetime) -> ReleaseState:
    leaving = () if state.stable is None else (Retiring(revision=state.stable, since=now),)
    return _moved(
        state, now, phase=Phase.IDLE, stable=None, retiring=(*state.retiring, *leaving), reason=None, refused=None
    )


def _promoted(state: ReleaseState, revision: Revision, now: datetime) -> ReleaseState:
    leaving = () if state.stable is None else (Retiring(revision=state.stable, since=now),)
    return _moved(
        state,
        now,
        phase=Phase.PROMOTED,
        stable=revision,
        candidate=None,
        step=0,
        retiring=(*state.retiring, *leaving),
    )


def _moved(state: ReleaseState, now: datetime, **changes: object) -> ReleaseState:
    return state.model_copy(update={"changed_at": now, **changes})
