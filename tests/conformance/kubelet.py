"""What Kubernetes makes of a manifest, by its documented rules; each function cites its own."""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.contracts.expansion import expand
from infra.contracts.workload import MEBIBYTE
from infra.kubernetes.manifests import manifests
from infra.kubernetes.metadata import Manifest
from infra.kubernetes.placement import Placement
from tests.conformance.cases import FAILED, PASSED, TIMED_OUT, Attempt

PLACEMENT = Placement(namespace="conformance", platform_image="registry.example/highway@sha256:" + "a" * 64)
OUT_OF_MEMORY = 137  # 128 + SIGKILL


def rendered(spec: Any, kind: str) -> Manifest:
    return next(manifest for manifest in manifests(spec, PLACEMENT) if manifest["kind"] == kind)


def pod(manifest: Manifest) -> dict[str, Any]:
    return manifest["spec"]["template"]["spec"]


def container(manifest: Manifest) -> dict[str, Any]:
    (only,) = pod(manifest)["containers"]
    return only


def attempts(job: Manifest, behaviour: Sequence[Attempt]) -> tuple[str, ...]:
    """How the Job controller and the kubelet would run it.

    concepts/workloads/controllers/job, "Pod backoff failure policy": with restartPolicy Never each failed pod
    counts once, and the Job fails when backoffLimit is exceeded. "Job termination and cleanup": the Job's own
    activeDeadlineSeconds would bound all attempts together, so it must not be there.
    """
    assert pod(job)["restartPolicy"] == "Never"
    assert "activeDeadlineSeconds" not in job["spec"]
    assert (job["spec"]["completions"], job["spec"]["parallelism"]) == (1, 1)
    # "Pod failure policy": the only rule ignores disruptions, so every failure of the job's own is counted.
    assert [rule["action"] for rule in job["spec"]["podFailurePolicy"]["rules"]] == ["Ignore"]
    endings: list[str] = []
    while endings.count(PASSED) == 0 and len(endings) <= job["spec"]["backoffLimit"]:
        endings.append(_ending(job, behaviour[min(len(endings), len(behaviour) - 1)]))
    return tuple(endings)


def _ending(job: Manifest, attempt: Attempt) -> str:
    # reference, PodSpec.activeDeadlineSeconds: relative to the pod's start; then it is failed and its containers
    # are killed (SIGTERM, then SIGKILL after terminationGracePeriodSeconds).
    if attempt.seconds > pod(job)["activeDeadlineSeconds"]:
        return TIMED_OUT
    # tasks/configure-pod-container/assign-memory-resource, "Exceed a container's memory limit": it is killed.
    is_too_big = attempt.allocates > memory_bytes(container(job))
    exit_code = OUT_OF_MEMORY if is_too_big else attempt.exit_code
    return PASSED if exit_code == 0 else FAILED


def memory_bytes(one: Mapping[str, Any]) -> int:
    quantity = one["resources"]["limits"]["memory"]
    return int(quantity.removesuffix("Mi")) * MEBIBYTE if quantity.endswith("Mi") else int(quantity)


def start_budget_seconds(one: Mapping[str, Any]) -> float:
    """concepts/configuration/liveness-readiness-startup-probes: no other probe runs until the startup probe has
    passed; after failureThreshold failures in a row, one a period, the container is killed."""
    probe = one["startupProbe"]
    return (probe["failureThreshold"] - 1) * probe["periodSeconds"]


def drain_seconds(deployment: Manifest) -> float:
    """concepts/workloads/pods/pod-lifecycle, "Termination of Pods": the grace period begins before the preStop
    hook, SIGTERM follows the hook, SIGKILL the end of the grace period."""
    forget = container(deployment).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    return pod(deployment)["terminationGracePeriodSeconds"] - forget


def environment(one: Mapping[str, Any]) -> dict[str, str]:
    """reference, EnvVar.value: `$(NAME)` is expanded from the variables before it, `$$` is `$`."""
    known: dict[str, str] = {}
    for variable in one["env"]:
        known[variable["name"]] = expand(variable["value"], known)
    return known


def argv(one: Mapping[str, Any]) -> list[str]:
    """reference, Container.command: `$(NAME)` is expanded from the container's environment."""
    return [expand(argument, environment(one)) for argument in one["command"]]


def secret_at(manifest: Manifest, path: str) -> tuple[str, str]:
    """The Secret object and the key whose value the container reads at `path`."""
    for mount in container(manifest)["volumeMounts"]:
        (volume,) = [v for v in pod(manifest)["volumes"] if v["name"] == mount["name"]]
        for source in volume.get("projected", {}).get("sources", ()):
            for item in source["secret"]["items"]:
                if f"{mount['mountPath']}/{item['path']}" == path:
                    return source["secret"]["name"], item["key"]
    raise AssertionError(f"nothing is mounted at {path}")
