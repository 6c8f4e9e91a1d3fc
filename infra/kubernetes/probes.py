"""A probe of the contract, in the kubelet's whole seconds."""

from math import ceil
from typing import Any

from infra.contracts.workload import Probe

# The Kubernetes default: two missed answers may be a hiccup, three take the pod out of the traffic.
UNREADY_AFTER_FAILURES = 3


def startup(probe: Probe) -> dict[str, Any]:
    """Gives a slow start its whole budget; a container that needs longer is killed and started again.

    The first probe is sent at once, so the n-th failure comes (n - 1) periods after the start: one more than
    budget / period is needed for the last moment of the budget to count.
    """
    period = _whole_seconds(probe.period_seconds)
    return {**_ask(probe), "periodSeconds": period, "failureThreshold": ceil(probe.budget_seconds / period) + 1}


def readiness(probe: Probe) -> dict[str, Any]:
    """After the start: whether the pod gets traffic."""
    return {
        **_ask(probe),
        "periodSeconds": _whole_seconds(probe.period_seconds),
        "failureThreshold": UNREADY_AFTER_FAILURES,
    }


def _ask(probe: Probe) -> dict[str, Any]:
    how = (
        {"httpGet": {"path": probe.path, "port": "http", "scheme": "HTTP"}}
        if probe.path
        else {"tcpSocket": {"port": "http"}}
    )
    return {
        **how,
        "timeoutSeconds": _whole_seconds(probe.timeout_seconds),
        "successThreshold": 1,
    }


def _whole_seconds(seconds: float) -> int:
    return max(1, ceil(seconds))
