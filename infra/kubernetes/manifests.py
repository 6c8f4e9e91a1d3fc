"""The workload contract as Kubernetes manifests: pure functions from a spec to plain dictionaries."""

from collections.abc import Sequence

from infra.contracts.workload import Job, Service
from infra.kubernetes.job import job_manifests
from infra.kubernetes.metadata import Manifest
from infra.kubernetes.placement import Placement
from infra.kubernetes.service import service_manifests


def manifests(spec: Service | Job, placement: Placement) -> Sequence[Manifest]:
    """All objects of one workload, in the order of their needs. Raises `PlacementError`."""
    return service_manifests(spec, placement) if isinstance(spec, Service) else job_manifests(spec, placement)
