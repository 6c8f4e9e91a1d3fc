"""Pipelines on Argo Workflows, as far as it can be decided without a cluster."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from infra.contracts.graph import GraphError
from infra.contracts.workload import DataClassification, Pipeline, Step
from infra.kubernetes.manifests import manifests
from infra.kubernetes.placement import Placement, PlacementError
from tests.support import argo
from tests.support.golden import assert_golden
from tests.support.specs import pipelines
from tests.support.training import spec_for

KUBERNETES = "1.35"  # the minor that the AWS substrate is pinned to
PLACEMENT = Placement(
    namespace="training",
    platform_image="registry.example/highway@sha256:" + "a" * 64,
    commit="c0ffee",
    lock_digest="sha256:" + "d" * 64,
)
REFERENCE = re.compile(r"{{(.*?)}}")
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # DNS-1123


def step(name: str, **fields) -> Step:
    return Step(
        name=name,
        owner="ml-team",
        data_classification=DataClassification.INTERNAL,
        command=("python", "-m", f"toy.{name}"),
        **fields,
    )


MAPPED = Pipeline(
    name="toy",
    owner="ml-team",
    data_classification=DataClassification.INTERNAL,
    parameters={"CURRENCY": "$", "TITLE": "of the pipeline"},
    schedule="30 2 * * *",
    steps=(
        step("split", outputs=("months", "calendar")),
        step(
            "double",
            needs=("split",),
            inputs=("months", "calendar"),
            outputs=("doubled",),
            map_over="months",
            retries=2,
            timeout_seconds=60,
        ),
        step("again", needs=("double",), inputs=("doubled",), outputs=("fourfold",), map_over="doubled"),
        step(
            "join",
            needs=("again",),
            inputs=("fourfold", "calendar"),
            environment={"TITLE": "of the step"},
            secrets={"PASSWORD_FILE": "operator-password"},
        ),
    ),
)
TRAIN = spec_for(Path("/example"), "http://registry.highway:5000")


def rendered(spec: Pipeline, kind: str = "WorkflowTemplate") -> dict:
    return next(manifest for manifest in manifests(spec, PLACEMENT) if manifest["kind"] == kind)


def templates(spec: Pipeline) -> tuple[dict, dict[str, dict]]:
    """The tasks of the graph and the templates of the steps, by name."""
    graph, *steps = rendered(spec)["spec"]["templates"]
    return {task["name"]: task for task in graph["dag"]["tasks"]}, {each["name"]: each for each in steps}


def environment(template: dict) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in template["container"]["env"]}


def dangling(spec: Pipeline) -> list[str]:
    """References that lead nowhere, and names that are no names. The schema knows of neither."""
    workflow = rendered(spec)["spec"]
    tasks, steps = templates(spec)
    problems = []
    scope = {"workflow.name", "workflow.uid"}
    scope |= {f"workflow.parameters.{each['name']}" for each in workflow["arguments"]["parameters"]}

    def check(what: object, where: str, known: set[str]) -> None:
        found = REFERENCE.findall(json.dumps(what, ensure_ascii=False))
        problems.extend(f"{where}: {{{{{name}}}}}" for name in found if name not in known)

    problems.extend(f"{name}: no name" for name in (*tasks, *steps) if not LABEL.fullmatch(name.removeprefix("step-")))
    if len(set(steps)) != len(workflow["templates"]) - 1 or workflow["entrypoint"] in steps:
        problems.append("templates share a name")
    for name, task in tasks.items():
        template = steps.get(task["template"])
        if template is None:
            problems.append(f"{name}: no template {task['template']}")
            continue
        awaited, waiting = set(), list(task.get("dependencies", []))
        while waiting:
            awaited.add(other := waiting.pop())
            waiting += tasks[other].get("dependencies", [])
        known = set(scope) | ({"item"} if "withParam" in task else set())
        keys = set()
        for other in awaited:
            outputs = steps[tasks[other]["template"]].get("outputs", {})
            keys |= {made["s3"]["key"].rpartition("/")[0] for made in outputs.get("artifacts", ()) if "s3" in made}
            if "withParam" not in tasks[other]:  # of those each item has its own
                for sort in ("artifacts", "parameters"):
                    known |= {f"tasks.{other}.outputs.{sort}.{made['name']}" for made in outputs.get(sort, ())}
        check(task, name, known)
        arguments = task.get("arguments", {})
        for sort in ("artifacts", "parameters"):
            wanted = [each["name"] for each in template.get("inputs", {}).get(sort, ())]
            if wanted != [each["name"] for each in arguments.get(sort, ())]:
                problems.append(f"{name}: its {sort} are not what its template takes")
        for given_artifact in arguments.get("artifacts", ()):
            if "s3" in given_artifact and given_artifact["s3"]["key"].removesuffix("/{{item}}") not in keys:
                problems.append(f"{name}: nobody collects under {given_artifact['s3']['key']}")
        taken = {f"inputs.parameters.{each['name']}" for each in template.get("inputs", {}).get("parameters", ())}
        check(template, task["template"], scope | taken)
    return problems


@pytest.mark.parametrize("spec", [MAPPED, TRAIN], ids=lambda spec: spec.name)
def test_the_whole_rendering_is_known(spec):
    text = yaml.safe_dump_all(manifests(spec, PLACEMENT), sort_keys=False, width=120)
    assert_golden(text, Path(__file__).with_name(f"{spec.name}-pipeline.yaml"))


@given(spec=pipelines())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_everything_that_a_workflow_refers_to_is_there(spec):
    assert dangling(spec) == []


def test_a_reference_that_leads_nowhere_is_found(monkeypatch):
    broken = manifests(MAPPED, PLACEMENT)
    text = json.dumps(broken).replace("outputs.artifacts.calendar", "outputs.artifacts.calender")
    text = text.replace('{"name": "CURRENCY", "value": "$$"}, ', "").replace("/double/doubled/{{inputs", "/x/{{inputs")
    monkeypatch.setitem(globals(), "manifests", lambda *_: json.loads(text))
    assert dangling(MAPPED) == [
        "step-split: {{workflow.parameters.CURRENCY}}",
        "double: {{tasks.split.outputs.artifacts.calender}}",
        "step-double: {{workflow.parameters.CURRENCY}}",
        "again: nobody collects under {{workflow.name}}/{{workflow.uid}}/double/doubled/{{item}}",
        "step-again: {{workflow.parameters.CURRENCY}}",
        "join: {{tasks.split.outputs.artifacts.calender}}",
        "step-join: {{workflow.parameters.CURRENCY}}",
    ]


@given(spec=pipelines())
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_stands_around_a_workflow_is_valid_kubernetes(spec):
    for manifest in manifests(spec, PLACEMENT):
        if manifest["apiVersion"] != "argoproj.io/v1alpha1":
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    # What Argo makes of a template is a pod, so its parts must be a pod's.
    for template in templates(spec)[1].values():
        pod = {"containers": [{"name": "main", **template["container"]}], "volumes": template["volumes"]}
        whole = {"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": pod}
        kubernetes_validate.validate(whole, KUBERNETES, strict=True)


def test_a_step_that_maps_runs_once_a_partition_and_sees_its_own_folder():
    tasks, steps = templates(MAPPED)
    assert tasks["double"]["withParam"] == "{{tasks.split.outputs.parameters.partitions-months}}"
    assert tasks["double"]["arguments"]["artifacts"] == [
        {"name": "months", "from": "{{tasks.split.outputs.artifacts.months}}", "subPath": "{{item}}"},
        {"name": "calendar", "from": "{{tasks.split.outputs.artifacts.calendar}}"},
    ]
    assert environment(steps["step-double"])["HIGHWAY_PARTITION"] == "{{inputs.parameters.partition}}"
    (listed,) = steps["step-split"]["outputs"]["parameters"]
    assert listed["valueFrom"] == {"path": "/highway/partitions/months.json"}
    assert "--partitions=months" in steps["step-split"]["container"]["command"]


def test_what_a_step_that_maps_makes_is_collected_for_the_next():
    tasks, steps = templates(MAPPED)
    collected = "{{workflow.name}}/{{workflow.uid}}"
    (doubled,) = steps["step-double"]["outputs"]["artifacts"]
    assert doubled["s3"] == {"key": collected + "/double/doubled/{{inputs.parameters.partition}}"}
    assert tasks["again"]["withParam"] == tasks["double"]["withParam"], "the same partitions"
    assert tasks["again"]["arguments"]["artifacts"][0]["s3"] == {"key": f"{collected}/double/doubled/{{{{item}}}}"}
    assert tasks["join"]["arguments"]["artifacts"][0]["s3"] == {"key": f"{collected}/again/fourfold"}


def test_a_step_does_not_know_where_it_runs():
    double = environment(templates(MAPPED)[1]["step-double"])
    assert double["HIGHWAY_INPUT_MONTHS"] == "file:///highway/inputs/months"
    assert double["HIGHWAY_OUTPUT_DOUBLED"] == "file:///highway/outputs/doubled"
    assert double["HIGHWAY_RUN_ID"] == "{{workflow.name}}"
    assert double["HIGHWAY_COMMIT"] == "{{workflow.parameters.commit}}"
    assert double["CURRENCY"] == "{{workflow.parameters.CURRENCY}}"
    assert environment(templates(MAPPED)[1]["step-join"])["TITLE"] == "of the step", "nearer than the pipeline's"
    values = {each["name"]: each["value"] for each in rendered(MAPPED)["spec"]["arguments"]["parameters"]}
    assert values["CURRENCY"] == "$$", "the kubelet reads it as one"


def test_attempts_and_their_time_are_the_contracts():
    _, steps = templates(MAPPED)
    assert steps["step-double"]["retryStrategy"] == {"limit": 2, "retryPolicy": "Always"}
    assert steps["step-double"]["activeDeadlineSeconds"] == 60
    assert "retryStrategy" not in steps["step-split"]


def test_no_step_holds_a_token_and_all_are_restricted():
    workflow = rendered(MAPPED)["spec"]
    assert workflow["automountServiceAccountToken"] is False
    assert workflow["serviceAccountName"] != workflow["executor"]["serviceAccountName"]
    assert workflow["securityContext"]["runAsNonRoot"] is True
    for template in templates(MAPPED)[1].values():
        assert template["container"]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert template["container"]["securityContext"]["readOnlyRootFilesystem"] is True


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"parameters": {"A": "{{workflow.uid}}"}}, "parameter A: Argo would replace"),
        ({"parameters": {"A": "bell \a"}}, "parameter A: Argo cannot hand on U+0007"),
        ({"parameters": {"A": "private \U000e7ada"}}, "parameter A: Argo cannot hand on U+E7ADA"),
        ({"steps": (step("split", environment={"A": "{{item}}"}),)}, "step split: Argo would replace"),
    ],
)
def test_what_argo_would_replace_or_lose_is_refused(change, reason):
    with pytest.raises(PlacementError, match=re.escape(reason)):
        manifests(MAPPED.model_copy(update=change), PLACEMENT)


def test_artifacts_that_do_not_fit_are_refused():
    with pytest.raises(GraphError, match="reads months, which no step makes"):
        manifests(MAPPED.model_copy(update={"steps": (step("alone", inputs=("months",)),)}), PLACEMENT)


@pytest.mark.proof
@pytest.mark.parametrize("spec", [MAPPED, TRAIN], ids=lambda spec: spec.name)
def test_argo_takes_it(spec):
    kinds = [manifest for manifest in manifests(spec, PLACEMENT) if manifest["apiVersion"].startswith("argoproj.io")]
    assert {manifest["kind"] for manifest in kinds} >= {"WorkflowTemplate"}
    assert [fault for manifest in kinds for fault in argo.faults(manifest)] == []


@pytest.mark.proof
@given(spec=pipelines())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_argo_takes_any_valid_pipeline(spec):
    for manifest in manifests(spec, PLACEMENT):
        if manifest["apiVersion"].startswith("argoproj.io"):
            assert list(argo.faults(manifest)) == []


@pytest.mark.proof
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("activeDeadlineSeconds", "activeDeadline"),
        ("retryPolicy", "retrypolicy"),
        ("withParam", "withParams"),
        ("schedules", "scheduled"),
        ('"limit": 2', '"limit": [2]'),
    ],
)
def test_argo_refuses_what_is_misspelt(right, wrong):
    text = json.dumps(manifests(MAPPED, PLACEMENT))
    assert right in text
    broken = [each for each in json.loads(text.replace(right, wrong)) if each["apiVersion"].startswith("argoproj.io")]
    found = [fault for manifest in broken for fault in argo.faults(manifest)]
    assert found
    assert any(wrong.split('"')[0] in fault or "[2]" in fault for fault in found)


@pytest.mark.proof
def test_other_bytes_under_the_same_version_are_refused(tmp_path):
    pin = tmp_path / "argo"
    shutil.copytree(argo.PIN, pin)
    digests = (pin / "go.sum").read_text()
    (pin / "go.sum").write_text(digests.replace("h1:o", "h1:p", 1))
    with pytest.raises(subprocess.CalledProcessError) as refused:
        argo.download(pin)
    assert "checksum mismatch" in refused.value.stderr
