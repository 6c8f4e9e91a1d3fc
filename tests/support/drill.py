"""Drills: a real fault on a live highway, followed from its alert through its runbook to its resolution."""

import importlib.util
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from infra.contracts.names import OPERATOR, OPERATOR_SECRET
from tests.support.live import Highway

DRILLS = Path(__file__).parents[1] / "drills"
POLL_SECONDS = 0.5

# Makes the fault, gives the variables that the alert's labels do not hold, and takes back what it left behind.
Fault = Callable[[Highway], AbstractContextManager[Mapping[str, str]]]


@dataclass(frozen=True, kw_only=True)
class Drill:
    """`labels` tell the drilled alert from others of its name; `mitigation` are the runbook's steps, in order.

    `refusal` is a diagnosis step whose expectation no longer holds once all is well: the proof that it can fail."""

    fault: Fault
    labels: Mapping[str, str]
    mitigation: tuple[str, ...]
    refusal: str
    fire_within_seconds: float = 60
    resolve_within_seconds: float = 60


def load(name: str) -> Drill:
    """The drill of the alert `name`: `DRILL` in `tests/drills/<name>.py`."""
    spec = importlib.util.spec_from_file_location(f"drill_{name}", DRILLS / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    drill = module.DRILL
    assert isinstance(drill, Drill)
    return drill


@dataclass(frozen=True)
class Alerts:
    """What Alertmanager has, asked through its API: it is the last stop before people."""

    url: str
    password: str

    @classmethod
    def of(cls, highway: Highway) -> "Alerts":
        password = highway.home.secret(OPERATOR_SECRET).read_text().strip()
        return cls(highway.url("monitoring", "alertmanager_url"), password)

    def firing(self, name: str, labels: Mapping[str, str]) -> dict[str, str] | None:
        """The labels of the alert, while it fires."""
        answer = httpx2.get(f"{self.url}/api/v2/alerts", auth=(OPERATOR, self.password), timeout=5).raise_for_status()
        for alert in answer.json():
            found: dict[str, str] = alert["labels"]
            if found["alertname"] == name and labels.items() <= found.items():
                return found
        return None


def wait(condition: Callable[[], Any], seconds: float, what: str) -> float:
    """How long it took until `condition` held."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"not within {seconds:g} s: {what}"
        time.sleep(POLL_SECONDS)
    return time.monotonic() - started
