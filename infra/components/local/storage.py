"""Storage on one machine: folders, and the ledger on SQLite."""

from pathlib import Path

import pulumi

from infra.components.local.site import Site
from infra.contracts.names import LEDGER_SECRET
from infra.contracts.outputs import StorageOutputs
from infra.contracts.workload import Probe
from infra.operations.ledger.settings import DATABASE_VARIABLE
from infra.workloads.resources import ServiceResource


class LocalStorage(pulumi.ComponentResource):
    """Folders are made by who first writes to them, so that nothing empty is left behind."""

    outputs: StorageOutputs
    ledger: ServiceResource

    def __init__(self, name: str, site: Site, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("highway:local:Storage", name, None, opts)
        data = site.home.data
        self.ledger = ServiceResource(
            site.service(
                "ledger",
                ("python", "-m", "infra.operations.ledger"),
                environment={DATABASE_VARIABLE: f"sqlite:///{data / 'ledger' / 'ledger.db'}"},
                secrets=site.ledger_secrets,
                readiness=Probe(path="/health"),
                metrics_path="/metrics",
            ),
            address=site.address("ledger"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.outputs = StorageOutputs(
            data_uri=_uri(data / "storage"),
            artifacts_uri=_uri(data / "artifacts"),
            logs_uri=_uri(site.home.logs),
            ledger_url=site.url("ledger"),
            ledger_secret=LEDGER_SECRET,
            ledger_outbox=str(site.home.outbox),
        )
        self.register_outputs(self.outputs.model_dump())


def _uri(path: Path) -> str:
    return path.as_uri()
