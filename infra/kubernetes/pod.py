"""The pod of a workload: its command, environment, secrets and limits, under the `restricted` Pod Security Standard.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from math import ceil
from typing import Any

from infra.contracts.names import THREAD_VARIABLES
from infra.contracts.workload import MEBIBYTE, Runnable, Service
from infra.kubernetes import probes
from infra.kubernetes.metadata import annotations, labels
from infra.kubernetes.placement import Placement

# Any id from 10000 up belongs to no user of a node.
USER_ID = 10001
# The network policy says who may connect; the kubelet's probes come to the pod's own address.
ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 - inside a pod
SECRETS_FOLDER = "/run/secrets/highway"
# The key of each Secret object: a secret of the contract is one value.
SECRET_KEY = "value"
# For endpoints to forget the pod before it stops accepting; the drain begins after it.
FORGET_SECONDS = 5
TEMPORARY_SPACE = "1Gi"


def pod_template(spec: Runnable, placement: Placement, **pod: Any) -> dict[str, Any]:
    """`pod` holds what differs between services and jobs (restart policy, deadlines)."""
    said = annotations(spec)
    if isinstance(spec, Service) and spec.metrics_path:
        said |= {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": str(spec.port),
            "prometheus.io/path": spec.metrics_path,
        }
    return {
        "metadata": {"labels": labels(spec), "annotations": said},
        "spec": {
            "serviceAccountName": spec.name,
            "automountServiceAccountToken": False,
            # Otherwise every Service of the namespace adds variables that the spec never named.
            "enableServiceLinks": False,
            "securityContext": security_context(),
            **pod,
            "containers": [container(spec, placement)],
            "volumes": volumes(spec),
        },
    }


def security_context() -> dict[str, Any]:
    """Of the pod; each container adds its own."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER_ID,
        "runAsGroup": USER_ID,
        "fsGroup": USER_ID,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container(spec: Runnable, placement: Placement) -> dict[str, Any]:
    """Raises `PlacementError` when the spec's bundle has no image."""
    rendered: dict[str, Any] = {
        "name": spec.name,
        "image": placement.image_of(spec),
        "imagePullPolicy": "IfNotPresent",
        "command": list(spec.command),
        "env": [{"name": name, "value": value} for name, value in _environment(spec).items()],
        "resources": _resources(spec),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - the container's own
    }
    if spec.secrets:
        rendered["volumeMounts"].append({"name": "secrets", "mountPath": SECRETS_FOLDER, "readOnly": True})
    if isinstance(spec, Service) and spec.port is not None:
        rendered["ports"] = [{"name": "http", "containerPort": spec.port, "protocol": "TCP"}]
        rendered["lifecycle"] = {"preStop": {"sleep": {"seconds": FORGET_SECONDS}}}
    if isinstance(spec, Service) and spec.readiness is not None:
        rendered["startupProbe"] = probes.startup(spec.readiness)
        rendered["readinessProbe"] = probes.readiness(spec.readiness)
    return rendered


def _environment(spec: Runnable) -> dict[str, str]:
    threads = str(max(1, int(spec.resources.cpus)))
    environment = dict.fromkeys(THREAD_VARIABLES, threads)
    if isinstance(spec, Service) and spec.port is not None:
        environment |= {"HOST": ALL_ADDRESSES, "PORT": str(spec.port)}
    environment |= {name: verbatim(value) for name, value in spec.environment.items()}
    environment |= {variable: f"{SECRETS_FOLDER}/{secret}" for variable, secret in spec.secrets.items()}
    return environment


def verbatim(value: str) -> str:
    """The kubelet expands `$(NAME)` in values too, and reads `$$` as `$`; the contract expands commands alone."""
    return value.replace("$", "$$")


def _resources(spec: Runnable) -> dict[str, Any]:
    memory = spec.resources.memory_bytes
    quantity = f"{memory // MEBIBYTE}Mi" if memory % MEBIBYTE == 0 else str(memory)
    # Memory cannot be given back, so what is asked for is what there is. A CPU limit would only throttle.
    cpu = f"{max(1, ceil(spec.resources.cpus * 1000))}m"
    return {"requests": {"cpu": cpu, "memory": quantity}, "limits": {"memory": quantity}}


def volumes(spec: Runnable) -> list[dict[str, Any]]:
    """What `container` mounts."""
    rendered: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {"sizeLimit": TEMPORARY_SPACE}}]
    if spec.secrets:
        sources = [
            {"secret": {"name": secret, "items": [{"key": SECRET_KEY, "path": secret}]}}
            for secret in sorted(set(spec.secrets.values()))
        ]
        # Read by the pod's group alone, written by nobody.
        rendered.append({"name": "secrets", "projected": {"defaultMode": 0o440, "sources": sources}})
    return rendered
