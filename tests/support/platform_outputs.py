"""The outputs of a platform that is nowhere, for programs that only read them."""

from typing import Any

PLATFORM: dict[str, Any] = {
    "contract_version": "1.0",
    "substrate": "local",
    "storage": {
        "data_uri": "file:///h/data",
        "artifacts_uri": "file:///h/artifacts",
        "logs_uri": "file:///h/logs",
        "ledger_url": "http://127.0.0.1:1",
        "ledger_secret": "ledger-token",
        "ledger_outbox": "/h/outbox",
    },
    "registry": {
        "tracking_url": "http://127.0.0.1:2",
        "bundles_uri": "file:///h/bundles",
        "user": "highway",
        "password_secret": "operator-password",
    },
    "runners": {"push_url": "/h/repo.git"},
    "cluster": {"gateway_url": "http://127.0.0.1:3"},
    "monitoring": {
        "prometheus_url": "http://127.0.0.1:4",
        "alertmanager_url": "http://127.0.0.1:5",
        "cockpit_url": "http://127.0.0.1:6",
    },
}
