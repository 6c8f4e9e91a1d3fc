"""A `Service` of the contract: a Deployment, its address, and what protects both."""

from collections.abc import Sequence
from math import ceil

from infra.contracts.workload import Service
from infra.kubernetes.metadata import Manifest, manifest, selector
from infra.kubernetes.network import network_policy
from infra.kubernetes.placement import Placement
from infra.kubernetes.pod import FORGET_SECONDS, pod_template

# The Kubernetes default, which leaves time to find a node and pull the image; the start's own budget comes on top.
PLACING_SECONDS = 600
ROLLBACK_REVISIONS = 3


def service_manifests(service: Service, placement: Placement) -> Sequence[Manifest]:
    """In the order of their needs. Raises `PlacementError`."""
    rendered = [
        manifest("v1", "ServiceAccount", service, placement, automountServiceAccountToken=False),
        network_policy(service, placement),
        _deployment(service, placement),
    ]
    if service.port is not None:
        rendered.append(_address(service, placement))
    if service.replicas > 1:
        rendered.append(_disruption_budget(service, placement))
    return rendered


def _deployment(service: Service, placement: Placement) -> Manifest:
    budget = service.readiness.budget_seconds if service.readiness else 0
    forget = FORGET_SECONDS if service.port is not None else 0
    pod = {
        "restartPolicy": "Always",
        # The sleep before SIGTERM counts as grace, and the drain is promised after it.
        "terminationGracePeriodSeconds": forget + service.drain_seconds,
    }
    if service.replicas > 1:
        pod["topologySpreadConstraints"] = [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": selector(service)},
            }
        ]
    return manifest(
        "apps/v1",
        "Deployment",
        service,
        placement,
        spec={
            "replicas": service.replicas,
            "selector": {"matchLabels": selector(service)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "progressDeadlineSeconds": PLACING_SECONDS + ceil(budget),
            "revisionHistoryLimit": ROLLBACK_REVISIONS,
            "template": pod_template(service, placement, **pod),
        },
    )


def _address(service: Service, placement: Placement) -> Manifest:
    port = {"name": "http", "port": service.port, "targetPort": "http", "protocol": "TCP"}
    return manifest(
        "v1",
        "Service",
        service,
        placement,
        spec={"type": "ClusterIP", "selector": selector(service), "ports": [port]},
    )


def _disruption_budget(service: Service, placement: Placement) -> Manifest:
    return manifest(
        "policy/v1",
        "PodDisruptionBudget",
        service,
        placement,
        spec={"maxUnavailable": 1, "selector": {"matchLabels": selector(service)}},
    )
