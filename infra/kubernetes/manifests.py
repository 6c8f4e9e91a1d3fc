"""The workload contract as Kubernetes manifests: pure functions from a spec to plain dictionaries."""

from collections.abc import Sequence

from infra.contracts.workload import Job, Pipeline, Service
from infra.kubernetes.job import job_manifests
from infra.kubernetes.metadata import Manifest
from infra.kubernetes.pipeline import pipeline_manifests
from infra.kubernetes.placement import Placement
from infra.kubernetes.service import service_manifests


def manifests(spec: Service | Job | Pipeline, placement: Placement) -> Sequence[Manifest]:
    """All objects of one workload, in the order of their needs. Raises `PlacementError`, and `GraphError` for a
    pipeline whose artifacts do not fit together."""
    match spec:
        case Service():
            return service_manifests(spec, placement)
        case Job():
            return job_manifests(spec, placement)
        case Pipeline():
            return pipeline_manifests(spec, placement)
