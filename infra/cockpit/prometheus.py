"""The two questions that the cockpit asks Prometheus: what fires, and what cannot be scraped."""

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.contracts.names import OPERATOR, SERVICE_LABEL, SEVERITY_LABEL
from infra.operations.secret_files import SecretFileError, read_secret

TIMEOUT_SECONDS = 2
WATCHDOG = "Watchdog"
NO_PERSON = "none"


class PrometheusUnavailableError(Exception):
    """Prometheus did not answer, or refused; the message says so in one line."""


@dataclass(frozen=True)
class FiringAlert:
    """`since` is RFC 3339, as Prometheus says it."""

    name: str
    severity: str
    summary: str
    runbook_url: str | None
    since: str


@dataclass(frozen=True)
class Monitored:
    """`is_evaluating` is whether the alert that always fires does: without it, silence means nothing."""

    firing: tuple[FiringAlert, ...]
    targets_down: tuple[str, ...]
    targets: int
    is_evaluating: bool


@dataclass(frozen=True)
class PrometheusClient:
    url: str
    password_file: Path

    def look(self) -> Monitored:
        """Raises `PrometheusUnavailableError`."""
        alerts = [alert for alert in self._get("/api/v1/alerts")["alerts"] if alert["state"] == "firing"]
        targets = self._get("/api/v1/targets?state=active")["activeTargets"]
        return Monitored(
            firing=tuple(
                FiringAlert(
                    name=alert["labels"]["alertname"],
                    severity=alert["labels"].get(SEVERITY_LABEL, "unknown"),
                    summary=alert["annotations"].get("summary", alert["labels"]["alertname"]),
                    runbook_url=alert["annotations"].get("runbook_url"),
                    since=alert["activeAt"],
                )
                for alert in alerts
                if alert["labels"].get(SEVERITY_LABEL) != NO_PERSON
            ),
            targets_down=tuple(
                sorted(
                    target["labels"].get(SERVICE_LABEL, target["scrapeUrl"])
                    for target in targets
                    # "unknown" has not been scraped yet, which is no failure.
                    if target["health"] == "down"
                )
            ),
            targets=len(targets),
            is_evaluating=any(alert["labels"]["alertname"] == WATCHDOG for alert in alerts),
        )

    def _get(self, path: str) -> dict[str, Any]:
        try:
            credentials = base64.b64encode(f"{OPERATOR}:{read_secret(self.password_file)}".encode()).decode()
            request = urllib.request.Request(self.url + path, headers={"Authorization": f"Basic {credentials}"})
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
                data: dict[str, Any] = json.load(response)["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise PrometheusUnavailableError(f"Prometheus refused: {error.code} {error.reason}") from error
        except (OSError, ValueError, KeyError, SecretFileError) as error:
            raise PrometheusUnavailableError(f"Prometheus does not answer: {error}") from error
        return data
