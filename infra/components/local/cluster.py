"""The cluster on one machine: a gateway that splits traffic, and the release controller that owns the weights."""

import pulumi

from infra.components.local.site import CLUSTER_PORT, Site
from infra.contracts.outputs import ClusterOutputs
from infra.contracts.workload import Probe
from infra.local.gateway import gateway_service
from infra.workloads.resources import ServiceResource


class LocalCluster(pulumi.ComponentResource):
    """supervisord itself is not a resource: it is started by whatever first asks it to run something."""

    outputs: ClusterOutputs

    def __init__(self, name: str, site: Site, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("highway:local:Cluster", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        gateway = gateway_service(site.home, CLUSTER_PORT)
        ServiceResource(gateway, address=site.address("gateway"), port=site.config.gateway_port, opts=child)
        ServiceResource(
            site.service(
                "releases",
                ("python", "-m", "infra.operations.releases"),
                environment=site.ledger_environment,
                secrets=site.ledger_secrets,
                readiness=Probe(path="/health"),
                metrics_path="/metrics",
            ),
            address=site.address("releases"),
            opts=child,
        )
        self.outputs = ClusterOutputs(gateway_url=site.url("gateway"))
        self.register_outputs(self.outputs.model_dump())
