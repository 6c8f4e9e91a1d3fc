"""The release of the app as a pure value: which code, which model, and what it promises."""

from release_config import ReleaseConfig

from infra.contracts.outputs import RegistryOutputs, StorageOutputs
from infra.contracts.release import Release
from infra.contracts.workload import MEBIBYTE, DataClassification, Probe, Resources, Service

NAME = "reference-app"
DRAIN_SECONDS = 10


def release_of(config: ReleaseConfig, registry: RegistryOutputs, storage: StorageOutputs) -> Release:
    """The steps of the canary are the contract's own."""
    service = Service(
        name=NAME,
        owner=config.owner,
        data_classification=DataClassification.PUBLIC,
        slos=("reference-app-availability", "reference-app-latency"),
        runbook="alerts/app/PredictionsFailing.md",
        command=("python", "-m", "reference_app"),
        bundle=config.app_digest,
        environment={
            "BUNDLES": registry.bundles_uri,
            "MODEL_DIGEST": config.model_digest,
            "MODEL_VERSION": config.model_version,
            "MODEL_CACHE": f"{storage.data_uri}/model-cache/{NAME}",
            "PREDICTION_LOG": f"{storage.data_uri}/predictions/{NAME}",
            "APP_VERSION": config.commit or config.app_digest.removeprefix("sha256:")[:12],
            # Two less than it is given: the notice and the end of the process need some of it.
            "DRAIN_TIMEOUT_SECONDS": str(DRAIN_SECONDS - 2),
        },
        # One core: a prediction is one row, and more threads only wait for each other.
        resources=Resources(cpus=1, memory_bytes=512 * MEBIBYTE),
        port=8080,
        readiness=Probe(path="/ready"),
        metrics_path="/metrics",
        drain_seconds=DRAIN_SECONDS,
    )
    return Release(
        name=NAME,
        service=service,
        version=config.model_version,
        path_prefix="/",
        commit=config.commit,
        attempt=config.attempt,
    )
