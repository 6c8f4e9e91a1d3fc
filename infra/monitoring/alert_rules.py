"""The alert rules in `rules/`, one file an alert, at the speed and with the links of one highway.

The files are Prometheus rule files as they stand. Rendering changes two things: durations (`Timing`), and
`runbook_url`, which is written as a path below `runbooks/` and becomes a link.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra.monitoring.timing import Timing

RULES = Path(__file__).parent / "rules"
RANGE = re.compile(r"\[(\d+[smhd])\]")


@dataclass(frozen=True)
class AlertRule:
    """`runbook` is a path below `runbooks/`; None for the watchdog, which is not for people."""

    name: str
    severity: str
    component: str
    runbook: str | None


def alert_rules(folder: Path = RULES) -> list[AlertRule]:
    """Every alert, in the order of their names."""
    return [
        AlertRule(
            name=rule["alert"],
            severity=rule["labels"]["severity"],
            component=rule["labels"]["component"],
            runbook=rule["annotations"].get("runbook_url"),
        )
        for path in sorted(folder.glob("*.yml"))
        for rule in _rules(yaml.safe_load(path.read_text()))
    ]


def rendered_rules(timing: Timing, runbooks_url: str, folder: Path = RULES) -> dict[str, str]:
    """Content by file name. `runbooks_url` has no trailing slash."""
    return {path.name: _render(path.read_text(), timing, runbooks_url) for path in sorted(folder.glob("*.yml"))}


def _render(content: str, timing: Timing, runbooks_url: str) -> str:
    document = yaml.safe_load(content)
    for rule in _rules(document):
        rule["expr"] = RANGE.sub(lambda match: f"[{timing.window(match[1])}]", rule["expr"])
        if "for" in rule:
            rule["for"] = timing.wait(rule["for"])
        if "runbook_url" in rule["annotations"]:
            rule["annotations"]["runbook_url"] = f"{runbooks_url}/{rule['annotations']['runbook_url']}"
    return yaml.safe_dump(document, sort_keys=False, width=120)


def _rules(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [rule for group in document["groups"] for rule in group["rules"]]
