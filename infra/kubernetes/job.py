"""A `Job` of the contract: a Job, or a CronJob when it has a schedule."""

from collections.abc import Sequence
from typing import Any

from infra.contracts.workload import Job
from infra.kubernetes.metadata import Manifest, annotations, labels, manifest
from infra.kubernetes.network import network_policy
from infra.kubernetes.placement import Placement
from infra.kubernetes.pod import pod_template

# A day to read the pod's log where no log shipping is installed; the ledger keeps the outcome.
KEEP_FINISHED_SECONDS = 24 * 3600
# What the process renderer gives a job that is told to end.
KILL_AFTER_SECONDS = 5
# A run that could not start within this time waits for its next turn.
START_WITHIN_SECONDS = 600


def job_manifests(job: Job, placement: Placement) -> Sequence[Manifest]:
    """In the order of their needs. Raises `PlacementError`."""
    account = manifest("v1", "ServiceAccount", job, placement, automountServiceAccountToken=False)
    workload = _job(job, placement) if job.schedule is None else _cron_job(job, job.schedule, placement)
    return [account, network_policy(job, placement), workload]


def _job(job: Job, placement: Placement) -> Manifest:
    return manifest("batch/v1", "Job", job, placement, spec=_job_spec(job, placement))


def _cron_job(job: Job, schedule: str, placement: Placement) -> Manifest:
    return manifest(
        "batch/v1",
        "CronJob",
        job,
        placement,
        spec={
            "schedule": schedule,
            "timeZone": "Etc/UTC",
            # A run that is late never meets the next one over the same data.
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": START_WITHIN_SECONDS,
            "jobTemplate": {
                "metadata": {"labels": labels(job), "annotations": annotations(job)},
                "spec": _job_spec(job, placement),
            },
        },
    )


def _job_spec(job: Job, placement: Placement) -> dict[str, Any]:
    return {
        "completions": 1,
        "parallelism": 1,
        "backoffLimit": job.retries,
        # A drained node ends a pod, but not an attempt: only the job's own failures are counted.
        "podFailurePolicy": {
            "rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
        },
        "podReplacementPolicy": "Failed",
        "ttlSecondsAfterFinished": KEEP_FINISHED_SECONDS,
        "template": pod_template(
            job,
            placement,
            # Never, so that each attempt is a pod of its own, with its own log and its own deadline: the Job's
            # activeDeadlineSeconds would bound all attempts together.
            restartPolicy="Never",
            activeDeadlineSeconds=job.timeout_seconds,
            terminationGracePeriodSeconds=KILL_AFTER_SECONDS,
        ),
    }
