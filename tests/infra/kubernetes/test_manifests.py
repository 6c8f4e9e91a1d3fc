"""The cluster renderer, as far as it can be decided without a cluster: Kubernetes' own schemas, and goldens."""

import json
import re
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.contracts.workload import DataClassification, Job, Probe, Resources, Service
from infra.kubernetes.manifests import manifests
from infra.kubernetes.placement import Placement, PlacementError
from tests.support.golden import assert_golden
from tests.support.specs import jobs, services

KUBERNETES = "1.35"  # the minor that the AWS substrate is pinned to
PLATFORM = "registry.example/highway@sha256:" + "a" * 64
APP_BUNDLE = "sha256:" + "b" * 64
APP_IMAGE = "registry.example/app@sha256:" + "c" * 64
PLACEMENT = Placement(namespace="serving", platform_image=PLATFORM, images={APP_BUNDLE: APP_IMAGE})

APP = Service(
    name="flight-delay",
    owner="flight product team",
    data_classification=DataClassification.INTERNAL,
    slos=("predictions-answered", "predictions-fast"),
    runbook="alerts/app/PredictionsFailing.md",
    command=("python", "-m", "reference_app", "--port", "$(PORT)", "--greeting=$(GREETING)"),
    bundle=APP_BUNDLE,
    environment={"GREETING": "costs $(nothing), $5"},
    secrets={"REGISTRY_PASSWORD_FILE": "operator-password", "LEDGER_TOKEN_FILE": "ledger-token"},
    resources=Resources(cpus=0.5, memory_bytes=768 * 1024 * 1024),
    port=8080,
    readiness=Probe(path="/ready", period_seconds=0.5, failure_threshold=120),
    metrics_path="/metrics",
    drain_seconds=15,
    replicas=3,
)
WORKER = Service(
    name="outbox-courier",
    owner="platform team",
    data_classification=DataClassification.PUBLIC,
    command=("python", "-m", "infra.operations.courier"),
)
BACKFILL = Job(
    name="backfill",
    owner="ML team",
    data_classification=DataClassification.CONFIDENTIAL,
    command=("python", "-m", "pipelines.ingest"),
    retries=2,
    timeout_seconds=900,
)
NIGHTLY = BACKFILL.model_copy(update={"name": "nightly-train", "schedule": "30 2 * * *"})


@pytest.mark.parametrize("spec", [APP, WORKER, BACKFILL, NIGHTLY], ids=lambda spec: spec.name)
def test_the_whole_rendering_is_known(spec):
    rendered = yaml.safe_dump_all(manifests(spec, PLACEMENT), sort_keys=False, width=120)
    assert_golden(rendered, Path(__file__).with_name(f"{spec.name}.yaml"))


def test_schemas_do_refuse():
    broken = next(m for m in manifests(APP, PLACEMENT) if m["kind"] == "Deployment")
    broken["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["periodSeconds"] = 0.5
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, KUBERNETES, strict=True)
    misspelt = manifests(BACKFILL, PLACEMENT)[-1]
    misspelt["spec"]["template"]["spec"]["activeDeadline"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(misspelt, KUBERNETES, strict=True)


@given(spec=services() | jobs())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_valid_spec_is_valid_kubernetes(spec):
    for manifest in manifests(spec, PLACEMENT):
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
        assert json.loads(json.dumps(manifest)) == manifest, "plain data"
        assert len(manifest["metadata"]["name"]) <= (52 if manifest["kind"] == "CronJob" else 63)
        for value in manifest["metadata"]["labels"].values():
            # the API server's rule, which the schemas do not hold
            assert re.fullmatch(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?", value)


@given(spec=services() | jobs())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_pod_is_restricted_and_finds_its_secrets_in_files(spec):
    pod = _pod(spec)
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    memory = container["resources"]
    assert memory["limits"] == {"memory": memory["requests"]["memory"]}
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    mounted = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
    files = {
        f"{mounted['secrets']}/{item['path']}": source["secret"]["name"]
        for volume in pod["volumes"]
        if volume["name"] == "secrets"
        for source in volume["projected"]["sources"]
        for item in source["secret"]["items"]
    }
    assert {variable: files[environment[variable]] for variable in spec.secrets} == spec.secrets
    assert all(set(entry) == {"name", "value"} for entry in container["env"]), "no secret comes by environment"


def test_nothing_of_a_secret_but_its_name_is_rendered(tmp_path, monkeypatch):
    (tmp_path / "secrets").mkdir()
    for name in APP.secrets.values():
        (tmp_path / "secrets" / name).write_text(f"value-of-{name}")
    monkeypatch.setenv("HIGHWAY_HOME", str(tmp_path))
    assert "value-of-" not in json.dumps(manifests(APP, PLACEMENT))


def test_an_image_is_named_by_digest():
    with pytest.raises(PlacementError, match="name it by digest"):
        Placement(namespace="serving", platform_image="registry.example/highway:latest")


def test_a_bundle_without_an_image_is_refused_with_the_fix():
    with pytest.raises(PlacementError, match=f"no image for bundle {APP_BUNDLE}; build it"):
        manifests(APP, Placement(namespace="serving", platform_image=PLATFORM))


@given(period=st.floats(0.05, 90), threshold=st.integers(1, 500))
def test_a_slow_start_has_its_whole_budget(period, threshold):
    probe = Probe(path="/ready", period_seconds=period, failure_threshold=threshold)
    rendered = _pod(APP.model_copy(update={"readiness": probe}))["containers"][0]["startupProbe"]
    last_failure = (rendered["failureThreshold"] - 1) * rendered["periodSeconds"]
    assert probe.budget_seconds <= last_failure <= probe.budget_seconds + rendered["periodSeconds"]


def _pod(spec):
    template = next(m for m in manifests(spec, PLACEMENT) if m["kind"] in ("Deployment", "Job", "CronJob"))["spec"]
    if "jobTemplate" in template:
        template = template["jobTemplate"]["spec"]
    return template["template"]["spec"]
