"""Scrape targets: one `file_sd` file a service, which Prometheus notices by itself when it comes, changes or goes."""

import json

from infra.contracts.names import OWNER_LABEL, SERVICE_LABEL
from infra.contracts.workload import Service


def scrape_target(spec: Service, address: str) -> str:
    """`address` is "host:port". Raises `ValueError` for a service that has no metrics."""
    if spec.metrics_path is None:
        raise ValueError(f"{spec.name} has no metrics_path: set one, or declare no target for it")
    labels = {SERVICE_LABEL: spec.name, OWNER_LABEL: spec.owner, "__metrics_path__": spec.metrics_path}
    return json.dumps([{"targets": [address], "labels": labels}], indent=1)
