"""The registry on one machine: MLflow over SQLite, and a folder of bundles addressed by digest."""

import pulumi

from infra.components.local.site import Site
from infra.contracts.names import OPERATOR, OPERATOR_SECRET
from infra.contracts.outputs import RegistryOutputs
from infra.contracts.workload import MEBIBYTE, Probe, Resources
from infra.operations.registry.variables import ARTIFACTS_VARIABLE, DATABASE_VARIABLE, PASSWORD_FILE_VARIABLE
from infra.workloads.resources import ServiceResource


class LocalRegistry(pulumi.ComponentResource):
    """Clients never see where artifacts are kept: MLflow hands them out itself (`mlflow-artifacts:`)."""

    outputs: RegistryOutputs

    def __init__(self, name: str, site: Site, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("highway:local:Registry", name, None, opts)
        folder = site.home.data / "mlflow"
        ServiceResource(
            site.service(
                "mlflow",
                ("python", "-m", "infra.operations.registry"),
                environment={
                    DATABASE_VARIABLE: f"sqlite:///{folder / 'mlflow.db'}",
                    ARTIFACTS_VARIABLE: (folder / "artifacts").as_uri(),
                },
                secrets={PASSWORD_FILE_VARIABLE: OPERATOR_SECRET},
                resources=Resources(memory_bytes=2048 * MEBIBYTE),
                readiness=Probe(path="/health", timeout_seconds=5),
            ),
            address=site.address("mlflow"),
            port=site.config.registry_port,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.outputs = RegistryOutputs(
            tracking_url=site.url("mlflow"),
            bundles_uri=site.home.bundles.as_uri(),
            user=OPERATOR,
            password_secret=OPERATOR_SECRET,
        )
        self.register_outputs(self.outputs.model_dump())
