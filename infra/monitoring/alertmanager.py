"""Alertmanager's configuration: every alert becomes an event of the ledger.

Started with `--config.file`, `--web.config.file`, `--web.listen-address=127.0.0.1:$(PORT)`, `--storage.path` and
`--cluster.listen-address=` (empty): by default it listens for peers on all interfaces.
"""

from pathlib import Path
from typing import Any

import yaml

from infra.contracts.names import COMPONENT_LABEL, SERVICE_LABEL, SEVERITY_LABEL
from infra.monitoring.timing import Timing

WATCHDOG_SEVERITY = "none"


def alertmanager_config(*, ledger_url: str, token_file: Path, timing: Timing) -> str:
    """`ledger_url` has no trailing slash; `token_file` holds the ledger's token."""
    webhook = {
        "url": f"{ledger_url}/alerts",
        "send_resolved": True,
        "http_config": {
            "authorization": {"type": "Bearer", "credentials_file": str(token_file)},
            # A redirect would carry the token to wherever it points.
            "follow_redirects": False,
        },
    }
    config: dict[str, Any] = {
        "route": {
            "receiver": "ledger",
            "group_by": ["alertname", COMPONENT_LABEL, SERVICE_LABEL],
            "group_wait": f"{timing.group_wait_seconds}s",
            "group_interval": f"{timing.group_interval_seconds}s",
            "repeat_interval": f"{timing.repeat_hours}h",
            "routes": [{"receiver": "nobody", "matchers": [f'{SEVERITY_LABEL} = "{WATCHDOG_SEVERITY}"']}],
        },
        "receivers": [{"name": "ledger", "webhook_configs": [webhook]}, {"name": "nobody"}],
    }
    return yaml.safe_dump(config, sort_keys=False, width=120)
