"""Asking a service whether it is ready, as the contract's `Probe` says."""

import http.client
import socket
import urllib.request

from infra.contracts.workload import Probe


def answers(address: str, probe: Probe) -> bool:
    """Whether the service at `address` ("host:port") passes `probe` now."""
    host, _, port = address.rpartition(":")
    try:
        if probe.path is None:
            with socket.create_connection((host, int(port)), timeout=probe.timeout_seconds):
                return True
        with urllib.request.urlopen(f"http://{address}{probe.path}", timeout=probe.timeout_seconds):
            return True
    except (OSError, http.client.HTTPException):  # the latter when what answers is no HTTP, or only half of it
        return False
