"""A `Pipeline` of the contract: an Argo Workflows `WorkflowTemplate`, and a `CronWorkflow` when it has a schedule.

The same steps as under our own executor; what differs is the engine's:

- Artifacts live in Argo's artifact repository, which must speak S3 for pipelines with a step that maps: what such a
  step makes is collected under one key. The platform configures the repository; nothing here names a bucket.
- Every run makes everything: nothing is memoized, so `is_volatile` has no meaning and resuming is `argo retry`.
- Evidence is what Argo keeps of a workflow, and the `checks.json` in the outputs: no step writes to the ledger.
- The image of a step holds `infra.kubernetes.attempt` beside the step's own code.

https://argo-workflows.readthedocs.io/en/release-3.7/fields/
"""

import json
from collections.abc import Sequence

from infra.contracts.graph import producers
from infra.contracts.workload import Pipeline
from infra.kubernetes.job import KEEP_FINISHED_SECONDS, START_WITHIN_SECONDS
from infra.kubernetes.metadata import Manifest, annotations, labels, manifest
from infra.kubernetes.network import network_policy
from infra.kubernetes.pipeline_steps import COMMIT_PARAMETER, ENTRYPOINT, LOCK_PARAMETER, Graph, Rendered
from infra.kubernetes.placement import Placement, PlacementError
from infra.kubernetes.pod import security_context, verbatim

API_VERSION = "argoproj.io/v1alpha1"


def pipeline_manifests(pipeline: Pipeline, placement: Placement) -> Sequence[Manifest]:
    """In the order of their needs. Raises `GraphError` and `PlacementError`."""
    template = manifest(API_VERSION, "WorkflowTemplate", pipeline, placement, spec=_workflow_spec(pipeline, placement))
    account = manifest("v1", "ServiceAccount", pipeline, placement, automountServiceAccountToken=False)
    objects = [account, *_executor(pipeline, placement), network_policy(pipeline, placement), template]
    if pipeline.schedule is not None:
        objects.append(_cron_workflow(pipeline, pipeline.schedule, placement))
    return objects


def _workflow_spec(pipeline: Pipeline, placement: Placement) -> Rendered:
    graph = Graph(pipeline, producers(pipeline), placement)
    return {
        "entrypoint": ENTRYPOINT,
        "arguments": {"parameters": _parameters(pipeline, placement)},
        "workflowMetadata": {"labels": labels(pipeline), "annotations": annotations(pipeline)},
        "serviceAccountName": pipeline.name,
        "automountServiceAccountToken": False,
        # Beside each step Argo's own containers report what it made: they, and no step, hold a token.
        "executor": {"serviceAccountName": _executor_name(pipeline)},
        "securityContext": security_context(),
        # Argo has no field for it. Otherwise every Service of the namespace adds variables that no spec named.
        "podSpecPatch": json.dumps({"enableServiceLinks": False}),
        # One run at a time; the next one waits.
        "synchronization": {"mutexes": [{"name": f"pipeline-{pipeline.name}"}]},
        "ttlStrategy": {"secondsAfterCompletion": KEEP_FINISHED_SECONDS},
        "templates": graph.templates(),
    }


def _parameters(pipeline: Pipeline, placement: Placement) -> list[dict[str, str]]:
    for name, value in pipeline.parameters.items():
        if "{{" in value:
            raise PlacementError(f"parameter {name}: Argo would replace the {{{{ in it; write it otherwise")
        if lost := next((character for character in value if _is_lost(character)), None):
            raise PlacementError(f"parameter {name}: Argo cannot hand on U+{ord(lost):04X}; take it out of its value")
    return [
        {"name": COMMIT_PARAMETER, "value": placement.commit},
        {"name": LOCK_PARAMETER, "value": placement.lock_digest},
        # They become values of environment variables, in which the kubelet expands `$(NAME)`.
        *({"name": name, "value": verbatim(value)} for name, value in pipeline.parameters.items()),
    ]


def _is_lost(character: str) -> bool:
    """Argo puts a value into JSON as Go quotes it, and of that JSON does not know `\\x7f`, `\\a` or `\\U000e0001`."""
    is_control = (character < " " and character not in "\b\f\n\r\t") or character == "\x7f"
    return is_control or (character > "\uffff" and not character.isprintable())


def _cron_workflow(pipeline: Pipeline, schedule: str, placement: Placement) -> Manifest:
    return manifest(
        API_VERSION,
        "CronWorkflow",
        pipeline,
        placement,
        spec={
            "schedules": [schedule],
            "timezone": "Etc/UTC",
            # A run that is late never meets the next one over the same data.
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": START_WITHIN_SECONDS,
            "workflowMetadata": {"labels": labels(pipeline), "annotations": annotations(pipeline)},
            "workflowSpec": {"workflowTemplateRef": {"name": pipeline.name}},
        },
    )


def _executor(pipeline: Pipeline, placement: Placement) -> list[Manifest]:
    """The account with which Argo's containers report results, and the least that it must be allowed.

    https://argo-workflows.readthedocs.io/en/release-3.7/workflow-rbac/ and .../service-account-secrets/
    """
    name = _executor_name(pipeline)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": placement.namespace}
    rule = {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}
    rbac = "rbac.authorization.k8s.io/v1"
    # Where Argo looks for the account's token. Kubernetes fills it in.
    token = manifest("v1", "Secret", pipeline, placement, type="kubernetes.io/service-account-token")
    token["metadata"]["annotations"]["kubernetes.io/service-account.name"] = name
    return [
        _named(name, manifest("v1", "ServiceAccount", pipeline, placement, automountServiceAccountToken=False)),
        _named(f"{name}.service-account-token", token),
        _named(name, manifest(rbac, "Role", pipeline, placement, rules=[rule])),
        _named(name, manifest(rbac, "RoleBinding", pipeline, placement, roleRef=role, subjects=[subject])),
    ]


def _named(name: str, rendered: Manifest) -> Manifest:
    return {**rendered, "metadata": {**rendered["metadata"], "name": name}}


def _executor_name(pipeline: Pipeline) -> str:
    return f"{pipeline.name}-executor"
