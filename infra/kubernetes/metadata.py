"""Names, labels and annotations of everything that is rendered from a spec."""

from typing import Any

from infra.contracts.names import (
    DATA_CLASSIFICATION_LABEL,
    OWNER_ANNOTATION,
    PROJECT,
    RUNBOOK_ANNOTATION,
    SLOS_ANNOTATION,
)
from infra.contracts.workload import Pipeline, Service, Workload
from infra.kubernetes.placement import Placement

Manifest = dict[str, Any]


def selector(spec: Workload) -> dict[str, str]:
    """The labels that find a workload's pods. A Deployment's selector is immutable: never add to it."""
    return {"app.kubernetes.io/name": spec.name, "app.kubernetes.io/part-of": PROJECT}


def labels(spec: Workload) -> dict[str, str]:
    """What other objects may select by: short, from closed sets."""
    return {
        **selector(spec),
        "app.kubernetes.io/component": _component(spec),
        "app.kubernetes.io/managed-by": "pulumi",
        DATA_CLASSIFICATION_LABEL: spec.data_classification.value,
    }


def _component(spec: Workload) -> str:
    return "service" if isinstance(spec, Service) else "pipeline" if isinstance(spec, Pipeline) else "job"


def annotations(spec: Workload) -> dict[str, str]:
    """Free text, which a label's value could not hold."""
    said = {
        OWNER_ANNOTATION: spec.owner,
        SLOS_ANNOTATION: ",".join(spec.slos),
        RUNBOOK_ANNOTATION: spec.runbook or "",
    }
    return {key: value for key, value in said.items() if value}


def manifest(api_version: str, kind: str, spec: Workload, placement: Placement, /, **body: Any) -> Manifest:
    """One object of the workload, all of which share its name."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": spec.name,
            "namespace": placement.namespace,
            "labels": labels(spec),
            "annotations": annotations(spec),
        },
        **body,
    }
