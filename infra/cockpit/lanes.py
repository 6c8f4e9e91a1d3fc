"""The four lanes and how each is doing. Green is earned: without data a lane is grey, and an unheard source is
unknown, with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from infra.cockpit.prometheus import Monitored, PrometheusUnavailableError
from infra.cockpit.settings import CockpitSettings
from infra.contracts.events import AlertChange, AnyEvent, Lane, Outcome
from infra.contracts.ledger import LedgerUnavailableError


class State(StrEnum):
    GREEN = "green"
    RED = "red"
    MOVING = "moving"
    GREY = "no data yet"
    UNKNOWN = "unknown"


class LastEvent(BaseModel):
    """What the lane did last, as the ledger has it."""

    model_config = ConfigDict(frozen=True)

    kind: str
    summary: str
    outcome: Outcome
    event_time: AwareDatetime
    recorded_at: AwareDatetime
    commit: str | None
    is_replay: bool


class Fact(BaseModel):
    """One more line of a lane."""

    model_config = ConfigDict(frozen=True)

    text: str
    url: str | None = None


class LaneView(BaseModel):
    """`reason` says why the state is what it is; `link` is where to see more, None when there is nothing yet."""

    model_config = ConfigDict(frozen=True)

    lane: Lane
    title: str
    state: State
    reason: str
    last_event: LastEvent | None
    facts: tuple[Fact, ...] = ()
    link: str | None
    link_text: str


@dataclass(frozen=True)
class LaneSources:
    """What was asked before the lanes were drawn, at `asked_at` on the wall; an error stands for the answer that
    did not come. `heard_at` is when a training run last gave a sign of life, None without one."""

    events: dict[Lane, Sequence[AnyEvent] | LedgerUnavailableError]
    monitored: Monitored | PrometheusUnavailableError
    asked_at: datetime
    heard_at: datetime | None


TITLES = {
    Lane.INTEGRATION: "Continuous integration",
    Lane.DELIVERY: "Continuous delivery",
    Lane.MONITORING: "Continuous monitoring",
    Lane.TRAINING: "Continuous training",
}


# The events that say how a lane is doing; others, such as steps and checks, tell more of the same thing.
DECISIVE = {
    Lane.INTEGRATION: "integration_run",
    Lane.DELIVERY: "release_step",
    Lane.TRAINING: "training_run",
}
# An attempt of a step may take an hour unless its spec says otherwise (`infra.contracts.workload.Job`). A run that
# is silent for longer was killed, and nobody will tell.
SILENCE = timedelta(hours=1)


def draw(sources: LaneSources, settings: CockpitSettings) -> list[LaneView]:
    """All four, always, in the order in which a change travels."""
    return [
        _monitoring(sources, settings) if lane is Lane.MONITORING else _worked(lane, sources, settings) for lane in Lane
    ]


def _worked(lane: Lane, sources: LaneSources, settings: CockpitSettings) -> LaneView:
    """A lane that is as good as the last thing that it did."""
    events = sources.events[lane]
    last = None if isinstance(events, LedgerUnavailableError) or not events else events[0]
    if isinstance(events, LedgerUnavailableError):
        state, reason = State.UNKNOWN, str(events)
    elif last is None:
        state, reason = State.GREY, FIRST_STEP[lane]
    else:
        state = {Outcome.PASSED: State.GREEN, Outcome.FAILED: State.RED, Outcome.STARTED: State.MOVING}[last.outcome]
        reason = {State.GREEN: "the last run passed", State.RED: "the last run failed", State.MOVING: "running now"}[
            state
        ]
        if state is State.MOVING and lane is Lane.TRAINING and _is_silent(sources):
            state, reason = State.UNKNOWN, "a run started and was not heard of for an hour: run highway train again"
    # Before the first release there is no app behind the gateway.
    default_link = {Lane.DELIVERY: settings.gateway_url if last else None, Lane.TRAINING: settings.registry_url}.get(
        lane
    )
    return LaneView(
        lane=lane,
        title=TITLES[lane],
        state=state,
        reason=reason,
        last_event=_last(last),
        link=(_web(last.url) if last else None) or default_link,
        link_text=LINK_TEXT[lane],
    )


def _is_silent(sources: LaneSources) -> bool:
    return sources.heard_at is not None and sources.asked_at - sources.heard_at > SILENCE


def _monitoring(sources: LaneSources, settings: CockpitSettings) -> LaneView:
    """Green only when alert rules are evaluated, nothing fires, and every target answers."""
    events, monitored = sources.events[Lane.MONITORING], sources.monitored
    last = None if isinstance(events, LedgerUnavailableError) or not events else events[0]
    facts: list[Fact] = []
    if isinstance(monitored, PrometheusUnavailableError):
        state, reason = State.UNKNOWN, str(monitored)
    else:
        state, reason = _judge(monitored)
        facts += [
            Fact(text=f"{alert.name}: {alert.summary}", url=_web(alert.runbook_url)) for alert in monitored.firing
        ]
        facts += [Fact(text=f"no metrics from {name}") for name in monitored.targets_down]
    if isinstance(events, LedgerUnavailableError):
        facts.append(Fact(text=str(events)))
        if state is State.GREEN:
            state, reason = State.UNKNOWN, "the history of alerts cannot be read"
    return LaneView(
        lane=Lane.MONITORING,
        title=TITLES[Lane.MONITORING],
        state=state,
        reason=reason,
        last_event=_last(last),
        facts=tuple(facts),
        link=f"{settings.prometheus_url}/alerts",
        link_text=LINK_TEXT[Lane.MONITORING],
    )


def _judge(monitored: Monitored) -> tuple[State, str]:
    if monitored.firing or monitored.targets_down:
        alerts, targets = len(monitored.firing), len(monitored.targets_down)
        return (
            State.RED,
            f"{alerts} alert{'' if alerts == 1 else 's'} firing, {targets} of {monitored.targets} targets down",
        )
    if not monitored.is_evaluating or monitored.targets == 0:
        return State.GREY, "alert rules are not evaluated yet, so silence says nothing"
    return State.GREEN, f"no alert fires, {monitored.targets} targets answer"


FIRST_STEP = {
    Lane.INTEGRATION: "nothing was pushed yet: push a commit and its workflow runs",
    Lane.DELIVERY: "nothing was released yet: highway release does it",
    Lane.TRAINING: "nothing was trained yet: highway train does it",
}
LINK_TEXT = {
    Lane.INTEGRATION: "See the run",
    Lane.DELIVERY: "Open the app",
    Lane.MONITORING: "See all alerts",
    Lane.TRAINING: "See models and runs",
}


def _last(event: AnyEvent | None) -> LastEvent | None:
    if event is None:
        return None
    summary = event.summary
    if isinstance(event, AlertChange) and event.subject not in summary:
        summary = f"{event.subject}: {summary}"
    return LastEvent(
        kind=event.kind,
        summary=summary,
        outcome=event.outcome,
        event_time=event.event_time,
        recorded_at=event.recorded_at,
        commit=event.commit,
        is_replay=event.is_replay,
    )


def _web(url: str | None) -> str | None:
    """Only what a browser may follow safely: an event's URL was written by somebody else."""
    return url if url and url.startswith(("http://", "https://")) else None
