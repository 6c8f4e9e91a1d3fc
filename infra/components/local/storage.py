"""Storage on one machine: folders, and the ledger on SQLite."""

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

    def __init__(self, name: str, site: Site, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("highway:local:Storage", name, None, opts)
        data = site.home.data
        ServiceResource(
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
            data_uri=site.home.storage.as_uri(),
            artifacts_uri=(data / "artifacts").as_uri(),
            logs_uri=site.home.logs.as_uri(),
            ledger_url=site.url("ledger"),
            ledger_secret=LEDGER_SECRET,
            ledger_outbox=str(site.home.outbox),
        )
        self.register_outputs(self.outputs.model_dump())
