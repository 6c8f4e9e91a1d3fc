"""Who may connect to a workload: the cluster's counterpart of listening on loopback alone."""

from infra.contracts.names import PROJECT
from infra.contracts.workload import Service, Workload
from infra.kubernetes.metadata import Manifest, manifest, selector
from infra.kubernetes.placement import Placement


def network_policy(spec: Workload, placement: Placement) -> Manifest:
    """The highway's own namespaces reach a service's port; nothing reaches a job or a step.

    Egress is the namespace's business: its default denies, and it names the flows that all its pods share.
    """
    ingress = []
    if isinstance(spec, Service) and spec.port is not None:
        highway = {"matchLabels": {"app.kubernetes.io/part-of": PROJECT}}
        ingress.append({"from": [{"namespaceSelector": highway}], "ports": [{"port": "http", "protocol": "TCP"}]})
    return manifest(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        spec,
        placement,
        spec={"podSelector": {"matchLabels": selector(spec)}, "policyTypes": ["Ingress"], "ingress": ingress},
    )
