"""What Alertmanager posts to a webhook, and the events it becomes."""

import uuid
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from infra.contracts.events import AlertChange, Outcome
from infra.contracts.names import SEVERITY_LABEL

# Any fixed value: it separates our derived ids from those of other programs.
NAMESPACE = uuid.UUID("6f9a1e0c-2f0b-5a51-9b0e-7a3a4c1d8e55")


class Alert(BaseModel):
    """Alertmanager documentation, "Webhook receiver", version 4. Fields that it may add are none of ours."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = Field(default_factory=dict)
    starts_at: AwareDatetime = Field(alias="startsAt")
    ends_at: AwareDatetime = Field(alias="endsAt")
    fingerprint: str


class Notification(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    version: Literal["4"]
    alerts: tuple[Alert, ...]

    def changes(self, recorded_at: datetime) -> list[AlertChange]:
        """One event a change: Alertmanager repeats itself, and a repetition has the id of the first telling."""
        return [_change(alert, recorded_at) for alert in self.alerts]


def _change(alert: Alert, recorded_at: datetime) -> AlertChange:
    name = alert.labels.get("alertname", "unnamed alert")
    firing = alert.status == "firing"
    return AlertChange(
        id=str(uuid.uuid5(NAMESPACE, f"{alert.fingerprint} {alert.starts_at.isoformat()} {alert.status}")),
        event_time=alert.starts_at if firing else alert.ends_at,
        recorded_at=recorded_at,
        outcome=Outcome.FAILED if firing else Outcome.PASSED,
        subject=name,
        summary=f"{'' if firing else 'resolved: '}{alert.annotations.get('summary', name)}",
        actor="alertmanager",
        url=alert.annotations.get("runbook_url"),
        severity=alert.labels.get(SEVERITY_LABEL, "unknown"),
        labels=alert.labels,
    )
