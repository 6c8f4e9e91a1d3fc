"""The conformance cases, read off the Kubernetes manifests."""

import pytest
from pydantic import ValidationError

from infra.contracts.names import THREAD_VARIABLES
from infra.contracts.workload import Job
from tests.conformance import kubelet
from tests.conformance.cases import JOBS, RESTARTED, SAID, SECRET, SERVERS, TOLD, TOLD_ARGUMENTS


@pytest.mark.parametrize("case", JOBS, ids=lambda case: case.name)
def test_job(case):
    job = kubelet.rendered(case.job, "Job")
    assert kubelet.attempts(job, case.behaviour) == case.attempts
    assert kubelet.pod(job)["activeDeadlineSeconds"] == case.job.timeout_seconds


@pytest.mark.parametrize("case", SERVERS, ids=lambda case: case.name)
def test_server(case):
    deployment = kubelet.rendered(case.service, "Deployment")
    assert (case.start_seconds <= kubelet.start_budget_seconds(kubelet.container(deployment))) == case.is_ready
    if case.is_ready:
        assert (case.answer_seconds <= kubelet.drain_seconds(deployment)) == case.is_answered
        assert kubelet.drain_seconds(deployment) == case.ends_within_seconds


@pytest.mark.parametrize("service", RESTARTED, ids=lambda service: f"exit code {service.command[-1]}")
def test_what_ends_is_started_again_ever_more_slowly(service):
    # concepts/workloads/pods/pod-lifecycle, "Container restart policy": Always restarts after any exit code, with
    # a back-off of 10 s, 20 s, 40 s, up to 5 min; no field asks for it and none switches it off.
    assert kubelet.pod(kubelet.rendered(service, "Deployment"))["restartPolicy"] == "Always"


def test_a_process_is_told_what_its_spec_says():
    deployment = kubelet.rendered(TOLD, "Deployment")
    container = kubelet.container(deployment)
    environment = kubelet.environment(container)
    path = environment["A_SECRET_FILE"]
    expected = [text.format(host="0.0.0.0", port=TOLD.port, secret=path) for text in TOLD_ARGUMENTS]
    assert kubelet.argv(container)[len(TOLD.command) - len(expected) :] == expected
    assert {name: environment[name] for name in TOLD.environment} == TOLD.environment
    assert {environment[name] for name in THREAD_VARIABLES} == {"2"}
    assert kubelet.secret_at(deployment, path) == ("conformance-secret", "value")
    assert SECRET not in str(deployment)
    # concepts/services-networking/service, "Environment variables": without this the environment depends on
    # which Services the namespace happens to have.
    assert kubelet.pod(deployment)["enableServiceLinks"] is False


def test_a_variable_that_nobody_binds_is_refused_before_any_renderer_sees_it():
    with pytest.raises(ValidationError, match=r"\$\(WHO\), which is neither in environment nor in secrets"):
        Job(name="case", **SAID, command=("echo", "$(WHO)"))
