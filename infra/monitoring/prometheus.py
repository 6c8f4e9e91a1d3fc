"""Prometheus' configuration. It listens on loopback, behind the operator's password (`web.config.file`).

Started with `--config.file`, `--web.config.file`, `--web.listen-address=127.0.0.1:$(PORT)`, `--storage.tsdb.path`.
"""

from pathlib import Path
from typing import Any

import yaml

from infra.contracts.names import OPERATOR, SERVICE_LABEL
from infra.monitoring.timing import Timing


def prometheus_config(*, prometheus: str, alertmanager: str, folder: Path, password_file: Path, timing: Timing) -> str:
    """Addresses are "host:port". Rules are in `folder`/rules, targets in `folder`/targets.

    The password goes to Prometheus and Alertmanager only: sent to every target, it would go to whoever takes the
    port of one that is down.
    """
    operator = {"basic_auth": {"username": OPERATOR, "password_file": str(password_file)}}
    config: dict[str, Any] = {
        "global": {
            "scrape_interval": f"{timing.scrape_seconds}s",
            "scrape_timeout": f"{timing.scrape_seconds}s",
            "evaluation_interval": f"{timing.evaluation_seconds}s",
        },
        "rule_files": [str(folder / "rules" / "*.yml")],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}], **operator}]},
        "scrape_configs": [
            {"job_name": "services", "file_sd_configs": [{"files": [str(folder / "targets" / "*.json")]}]},
            {
                "job_name": "monitoring",
                **operator,
                "static_configs": [
                    {"targets": [prometheus], "labels": {SERVICE_LABEL: "prometheus"}},
                    {"targets": [alertmanager], "labels": {SERVICE_LABEL: "alertmanager"}},
                ],
            },
        ],
    }
    return yaml.safe_dump(config, sort_keys=False, width=120)
