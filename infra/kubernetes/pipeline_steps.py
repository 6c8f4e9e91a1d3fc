"""The steps of a pipeline as Argo templates: how artifacts, partitions and parameters reach each of them.

Argo replaces `{{...}}` wherever it stands and offers no way to write it otherwise, so a spec that holds it is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.contracts.names import DATA_CLASSIFICATION_LABEL
from infra.contracts.pipelines import (
    COMMIT_VARIABLE,
    LOCK_DIGEST_VARIABLE,
    PARTITION_VARIABLE,
    RUN_VARIABLE,
    input_variable,
    output_variable,
)
from infra.contracts.workload import Pipeline, Step
from infra.kubernetes.attempt import IN_POD
from infra.kubernetes.metadata import annotations, labels
from infra.kubernetes.placement import Placement, PlacementError
from infra.kubernetes.pod import container, volumes

ENTRYPOINT = "pipeline"
# Of the workflow. A pipeline's own parameters are in upper case and cannot meet these.
COMMIT_PARAMETER = "commit"
LOCK_PARAMETER = "lock-digest"
# Of a step that maps.
PARTITION_PARAMETER = "partition"
WORK_VOLUME = "work"
# The uid as well: a name may be given again, and what an earlier workflow left must not be found.
COLLECTED = "{{workflow.name}}/{{workflow.uid}}"
Rendered = dict[str, Any]


@dataclass(frozen=True)
class Graph:
    """A pipeline whose artifacts fit together; `makers` maps each to the step that makes it."""

    pipeline: Pipeline
    makers: Mapping[str, str]
    placement: Placement

    def templates(self) -> list[Rendered]:
        """The graph, then each step. Raises `PlacementError`."""
        tasks = [self._task(step) for step in self.pipeline.in_order()]
        # As everywhere: a failed step blocks what needs it, and nothing else.
        graph = {"name": ENTRYPOINT, "dag": {"failFast": False, "tasks": tasks}}
        return [graph, *(self._template(step) for step in self.pipeline.in_order())]

    def _task(self, step: Step) -> Rendered:
        task: Rendered = {"name": step.name, "template": _template_name(step)}
        if step.needs:
            task["dependencies"] = list(step.needs)
        arguments: Rendered = {}
        if step.map_over:
            arguments["parameters"] = [{"name": PARTITION_PARAMETER, "value": "{{item}}"}]
            task["withParam"] = self._partitions_of(step.map_over)
        if step.inputs:
            arguments["artifacts"] = [self._argument(step, name) for name in step.inputs]
        return task | ({"arguments": arguments} if arguments else {})

    def _argument(self, step: Step, artifact: str) -> Rendered:
        """Where the step's input comes from: a folder of it where the step maps over it."""
        maker = self._maker(artifact)
        is_part = artifact == step.map_over
        if maker.map_over:
            part = "/{{item}}" if is_part else ""
            return {"name": artifact, "s3": {"key": f"{COLLECTED}/{maker.name}/{artifact}{part}"}}
        whole = {"name": artifact, "from": f"{{{{tasks.{maker.name}.outputs.artifacts.{artifact}}}}}"}
        return whole | ({"subPath": "{{item}}"} if is_part else {})

    def _partitions_of(self, artifact: str) -> str:
        """A step that maps makes the partitions that it was given."""
        maker = self._maker(artifact)
        if maker.map_over:
            return self._partitions_of(maker.map_over)
        return f"{{{{tasks.{maker.name}.outputs.parameters.{_list_name(artifact)}}}}}"

    def _maker(self, artifact: str) -> Step:
        return next(step for step in self.pipeline.steps if step.name == self.makers[artifact])

    def _template(self, step: Step) -> Rendered:
        if "{{" in step.model_dump_json():
            raise PlacementError(f"step {step.name}: Argo would replace the {{{{ in it; take it out of its spec")
        template: Rendered = {
            "name": _template_name(step),
            "metadata": {
                "labels": labels(self.pipeline) | {DATA_CLASSIFICATION_LABEL: step.data_classification.value},
                "annotations": annotations(step),
            },
            # Of each attempt, which is a pod of its own.
            "activeDeadlineSeconds": step.timeout_seconds,
        }
        if step.retries:
            # An attempt whose pod was lost, or whose outputs could not be stored, has failed like any other.
            template["retryStrategy"] = {"limit": step.retries, "retryPolicy": "Always"}
        if inputs := self._inputs(step):
            template["inputs"] = inputs
        if outputs := self._outputs(step):
            template["outputs"] = outputs
        template["container"] = self._container(step)
        template["volumes"] = [*volumes(step), {"name": WORK_VOLUME, "emptyDir": {}}]
        return template

    def _inputs(self, step: Step) -> Rendered:
        inputs: Rendered = {}
        if step.map_over:
            inputs["parameters"] = [{"name": PARTITION_PARAMETER}]
        if step.inputs:
            inputs["artifacts"] = [{"name": name, "path": str(IN_POD.input(name))} for name in step.inputs]
        return inputs

    def _outputs(self, step: Step) -> Rendered:
        outputs: Rendered = {}
        if listed := self._listed(step):
            outputs["parameters"] = [
                {"name": _list_name(name), "valueFrom": {"path": str(IN_POD.partitions(name))}} for name in listed
            ]
        if step.outputs:
            outputs["artifacts"] = [self._output(step, name) for name in step.outputs]
        return outputs

    def _output(self, step: Step, artifact: str) -> Rendered:
        # Not archived: a folder in the object store is the artifact, and a partition is a folder in it.
        output: Rendered = {"name": artifact, "path": str(IN_POD.published(artifact)), "archive": {"none": {}}}
        if step.map_over:
            key = f"{COLLECTED}/{step.name}/{artifact}/{{{{inputs.parameters.{PARTITION_PARAMETER}}}}}"
            output["s3"] = {"key": key}
        return output

    def _listed(self, step: Step) -> list[str]:
        """The outputs of which someone needs to know the partitions; those of a step that maps are known."""
        mapped = {other.map_over for other in self.pipeline.steps}
        return [] if step.map_over else [name for name in step.outputs if name in mapped]

    def _container(self, step: Step) -> Rendered:
        rendered = container(step, self.placement)
        del rendered["name"]  # Argo calls it `main`
        flags = [f"--input={name}" for name in step.inputs]
        flags += [f"--output={name}" for name in step.outputs]
        flags += [f"--partitions={name}" for name in self._listed(step)]
        rendered["command"] = ["python", "-m", "infra.kubernetes.attempt", *flags, "--", *step.command]
        own = {entry["name"]: entry["value"] for entry in rendered["env"]}
        rendered["env"] = [{"name": name, "value": value} for name, value in (own | self._given(step)).items()]
        rendered["volumeMounts"].append({"name": WORK_VOLUME, "mountPath": str(IN_POD.root)})
        return rendered

    def _given(self, step: Step) -> dict[str, str]:
        """What the executor adds to a step's own environment."""
        given = {
            # What the step says itself is nearer than what its pipeline says.
            **{name: _parameter(name) for name in self.pipeline.parameters if name not in step.environment},
            RUN_VARIABLE: "{{workflow.name}}",
            COMMIT_VARIABLE: _parameter(COMMIT_PARAMETER),
            LOCK_DIGEST_VARIABLE: _parameter(LOCK_PARAMETER),
            **{input_variable(name): IN_POD.input(name).as_uri() for name in step.inputs},
            **{output_variable(name): IN_POD.output(name).as_uri() for name in step.outputs},
        }
        if step.map_over:
            given[PARTITION_VARIABLE] = f"{{{{inputs.parameters.{PARTITION_PARAMETER}}}}}"
        return given


def _template_name(step: Step) -> str:
    """No step's can be that of the graph."""
    return f"step-{step.name}"


def _list_name(artifact: str) -> str:
    return f"partitions-{artifact}"


def _parameter(name: str) -> str:
    return f"{{{{workflow.parameters.{name}}}}}"
