"""What the ledger records: evidence and decisions, one typed event a fact.

Every event carries two times: `event_time`, when it happened in the world, and `recorded_at`, when we learnt
it. `id` is the idempotency key: delivering an event twice records it once.
"""

import uuid
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter


class Lane(StrEnum):
    """The four things that the highway makes continuous."""

    INTEGRATION = "CI"
    DELIVERY = "CD"
    MONITORING = "CM"
    TRAINING = "CT"


class Outcome(StrEnum):
    STARTED = "started"
    PASSED = "passed"
    FAILED = "failed"


class Event(BaseModel):
    """The fields that all events share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(default_factory=lambda: str(uuid.uuid4()), description="idempotency key")
    event_time: AwareDatetime
    recorded_at: AwareDatetime
    outcome: Outcome
    subject: str = Field(description="what it is about: a pipeline, a service, an alert, a branch")
    summary: str = Field(description="one line that a person reads in the cockpit")
    actor: str = Field(description="the role or program that caused it")
    commit: str | None = None
    artifact_digest: str | None = None
    command: str | None = None
    duration_seconds: float | None = None
    url: str | None = Field(default=None, description="where to see more")
    is_replay: bool = False


class IntegrationRun(Event):
    """A pushed commit went through the repo's own workflow."""

    kind: Literal["integration_run"] = "integration_run"
    lane: Literal[Lane.INTEGRATION] = Lane.INTEGRATION
    branch: str
    log_uri: str | None = None


class ReleaseStep(Event):
    """A release moved: announced, weights shifted, promoted or rolled back."""

    kind: Literal["release_step"] = "release_step"
    lane: Literal[Lane.DELIVERY] = Lane.DELIVERY
    release_id: str
    phase: Literal["announced", "shifting", "promoted", "rolled_back"]
    candidate_weight_percent: int = Field(ge=0, le=100)


class PipelineStepRun(Event):
    """One step of one pipeline run ended (or was skipped because its outputs exist)."""

    kind: Literal["pipeline_step_run"] = "pipeline_step_run"
    lane: Literal[Lane.TRAINING] = Lane.TRAINING
    run_id: str
    step: str
    attempt: int
    is_cached: bool = False
    log_uri: str | None = None


class TrainingRun(Event):
    """A training pipeline ended; on success a model version is registered."""

    kind: Literal["training_run"] = "training_run"
    lane: Literal[Lane.TRAINING] = Lane.TRAINING
    run_id: str
    model: str | None = None
    model_version: str | None = None
    rows: int | None = None
    metrics: dict[str, float] = Field(default_factory=dict)


class CheckRun(Event):
    """A test suite, a data contract or a gate gave its verdict: evidence that something was checked."""

    kind: Literal["check_run"] = "check_run"
    lane: Literal[Lane.INTEGRATION, Lane.TRAINING] = Lane.TRAINING
    check: str = Field(description="stable, with dots, such as flights.2013-03 or suite.model")
    suite: Literal["data", "model", "code"]
    run_id: str
    value: float | None = None
    limit: float | None = None
    environment_digest: str | None = Field(default=None, description="of the locked environment")
    inputs_digest: str | None = None


class AlertChange(Event):
    """Alertmanager told us that an alert fires (`failed`) or is resolved (`passed`)."""

    kind: Literal["alert_change"] = "alert_change"
    lane: Literal[Lane.MONITORING] = Lane.MONITORING
    severity: str
    labels: dict[str, str] = Field(default_factory=dict)


class DrillRun(Event):
    """A drill made a real fault and followed it from alert to runbook to resolution."""

    kind: Literal["drill_run"] = "drill_run"
    lane: Literal[Lane.MONITORING] = Lane.MONITORING
    seconds_to_fire: float | None = None
    seconds_to_resolve: float | None = None


AnyEvent = Annotated[
    IntegrationRun | ReleaseStep | PipelineStepRun | TrainingRun | CheckRun | AlertChange | DrillRun,
    Field(discriminator="kind"),
]
EVENT: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)
EVENTS: TypeAdapter[list[AnyEvent]] = TypeAdapter(list[AnyEvent])
