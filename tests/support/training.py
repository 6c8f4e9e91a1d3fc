"""The real training pipeline, run to its end once, and what it left."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.contracts.clock import SystemClock
from infra.contracts.outputs import RegistryOutputs
from infra.contracts.workload import Pipeline
from infra.operations.pipelines.artifacts import ArtifactStore
from infra.operations.pipelines.lineage import Lineage
from infra.operations.pipelines.report import PipelineRun
from infra.operations.pipelines.run import run_pipeline
from infra.operations.pipelines.subprocess_jobs import SubprocessJobs
from pipelines.flights.conf import FlightsConf
from pipelines.flights.model.gates import GatesConf
from pipelines.flights.pipeline import training_pipeline
from pipelines.storage import Folder
from tests.support.service import BYTE_CODE, REPO, module, running

LINEAGE = Lineage(commit="c0ffee", code_digest="sha256:code", lock_digest="sha256:lock")
PASSWORD_VARIABLE = "HIGHWAY_OPERATOR_PASSWORD_FILE"
PASSWORD = "a-password"


@dataclasses.dataclass
class Trained:
    """`folder` holds everything: storage, bundles, logs."""

    folder: Path
    registry_url: str
    run: PipelineRun

    @property
    def environment(self) -> dict[str, str]:
        """What the substrate adds: the secret's path."""
        return {PASSWORD_VARIABLE: str(self.folder / "operator-password")}

    def artifact(self, name: str) -> Folder:
        return Folder.at(self.uri(name))

    def uri(self, name: str) -> str:
        store = ArtifactStore((self.folder / "storage").as_uri(), self.run.pipeline)
        return store.uri_of(self.digest(name))

    def digest(self, name: str) -> str:
        return next(step.outputs[name] for step in self.run.steps if name in step.outputs)

    def log(self, step: str) -> str:
        run = next(each for each in self.run.steps if each.step == step)
        log = run.attempts[-1].log
        assert log
        return log.read_text()

    def again(self, spec: Pipeline, lineage: Lineage = LINEAGE) -> PipelineRun:
        return execute(spec, self.folder, lineage)


def spec_for(
    folder: Path, registry_url: str, conf: FlightsConf | None = None, gates: GatesConf | None = None
) -> Pipeline:
    registry = RegistryOutputs(
        tracking_url=registry_url,
        bundles_uri=(folder / "bundles").as_uri(),
        user="highway",
        password_secret="operator-password",
    )
    return training_pipeline(conf or FlightsConf.from_file(), registry, (folder / "data").as_uri(), gates)


def execute(spec: Pipeline, folder: Path, lineage: Lineage = LINEAGE) -> PipelineRun:
    secret = {PASSWORD_VARIABLE: str(folder / "operator-password")}
    return run_pipeline(
        spec,
        jobs=SubprocessJobs(
            folder=REPO,
            logs=folder / "logs",
            environment={**BYTE_CODE, "PYTHONDONTWRITEBYTECODE": "", **secret},
        ),
        storage_uri=(folder / "storage").as_uri(),
        lineage=lineage,
        clock=SystemClock(),
        retry_wait_seconds=0.1,
    )


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """The URL of a real model registry over `folder`, for as long as the context lasts."""
    (folder / "operator-password").write_text(PASSWORD)
    environment = {
        "HIGHWAY_REGISTRY_DATABASE": f"sqlite:///{folder / 'mlflow.db'}",
        "HIGHWAY_REGISTRY_ARTIFACTS": str(folder / "artifacts"),
        PASSWORD_VARIABLE: str(folder / "operator-password"),
    }
    with running(module("infra.operations.registry"), log=folder / "registry.log", environment=environment) as service:
        yield service.url


@contextmanager
def trained(folder: Path) -> Iterator[Trained]:
    """All flights, and a real model registry for as long as the context lasts."""
    with registry(folder) as url:
        run = execute(spec_for(folder, url), folder)
        assert run.is_success, run.summary
        yield Trained(folder, url, run)
