"""Runners on one machine: a bare git repository, and `act` on what is pushed to it."""

import pulumi

from infra.components.local.site import Site
from infra.contracts.outputs import RunnersOutputs
from infra.contracts.workload import MEBIBYTE, Probe, Resources
from infra.workloads.resources import ServiceResource


class LocalRunners(pulumi.ComponentResource):
    """The limits are those of the whole CI run: act and its steps are children of the runner."""

    outputs: RunnersOutputs

    def __init__(self, name: str, site: Site, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("highway:local:Runners", name, None, opts)
        ServiceResource(
            site.service(
                "runner",
                ("python", "-m", "infra.operations.runner"),
                environment=site.ledger_environment,
                secrets=site.ledger_secrets,
                resources=Resources(cpus=2, memory_bytes=4096 * MEBIBYTE, open_files=16384),
                readiness=Probe(path="/health"),
                metrics_path="/metrics",
            ),
            address=site.address("runner"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.outputs = RunnersOutputs(push_url=str(site.home.data / "repo.git"))
        self.register_outputs(self.outputs.model_dump())
