"""What the ledger is told of a release."""

import uuid

from infra.contracts.clock import Clock
from infra.contracts.events import Outcome, ReleaseStep
from infra.operations.releases.state import Phase, ReleaseState

ACTOR = "release-controller"
EVENT_IDS = uuid.uuid5(uuid.NAMESPACE_URL, "digital-highway/release-step")


def release_step(state: ReleaseState, clock: Clock) -> ReleaseStep | None:
    """The fact that `state` is, if it is one. The same state is the same event, however often it is told."""
    release = state.release
    if release is None or state.release_id is None or state.announced_at is None:
        return None
    what = f"{state.service} {release.version}"
    match state.phase:
        case Phase.ANNOUNCED:
            phase, outcome, weight, summary = "announced", Outcome.STARTED, 0, f"{what} is announced"
        case Phase.SHIFTING:
            weight = state.weight_percent
            phase, outcome, summary = "shifting", Outcome.STARTED, f"{what} gets {weight} % of the requests"
        case Phase.PROMOTED:
            phase, outcome, weight, summary = "promoted", Outcome.PASSED, 100, f"{what} serves every request"
        case Phase.ROLLED_BACK:
            phase, outcome, weight, summary = "rolled_back", Outcome.FAILED, 0, f"{what} is rolled back: {state.reason}"
        case _:
            return None
    is_over = state.phase in (Phase.PROMOTED, Phase.ROLLED_BACK)
    return ReleaseStep(
        id=str(uuid.uuid5(EVENT_IDS, f"{state.release_id}/{phase}/{state.step}")),
        event_time=state.changed_at,
        recorded_at=clock.now(),
        outcome=outcome,
        subject=state.service,
        summary=summary,
        actor=ACTOR,
        commit=release.commit,
        artifact_digest=release.service.bundle,
        duration_seconds=(state.changed_at - state.announced_at).total_seconds() if is_over else None,
        is_replay=clock.is_replay,
        release_id=state.release_id,
        phase=phase,
        candidate_weight_percent=weight,
    )
