"""The training pipeline as a value: its steps, what each needs, and what it may use."""

from infra.contracts.names import OPERATOR_SECRET
from infra.contracts.outputs import RegistryOutputs
from infra.contracts.pipelines import RESULT_ARTIFACT
from infra.contracts.workload import MEBIBYTE, DataClassification, Pipeline, Resources, Step
from pipelines.flights.conf import PARAMETER, FlightsConf
from pipelines.flights.data.sources import LANDING
from pipelines.flights.model.gates import PARAMETER as GATES
from pipelines.flights.model.gates import GatesConf
from pipelines.flights.variables import BUNDLES_VARIABLE, LANDING_VARIABLE, PASSWORD_FILE_VARIABLE, REGISTRY_VARIABLE

NAME = "train"
OWNER = "ml-team"
# The flights are published by the Bureau of Transportation Statistics, the weather by the National Weather Service.
CLASSIFICATION = DataClassification.PUBLIC
# Measured on all flights: 0.60 GiB resident at most (train), 0.35 GiB in the other steps.
MEMORY_BYTES = 1024 * MEBIBYTE
# Each step takes seconds; a machine that is busy with other things may take ten times as long.
TIMEOUT_SECONDS = 300
# By default the learner's threads spin while they wait for each other, which on a busy machine takes the core from
# the one they wait for.
SLEEPING_THREADS = {"OMP_WAIT_POLICY": "PASSIVE"}


def _step(  # noqa: PLR0913 - what differs between steps
    module: str,
    *,
    needs: tuple[str, ...] = (),
    inputs: tuple[str, ...] = (),
    outputs: tuple[str, ...] = (),
    retries: int = 0,
    cpus: float = 1,
    is_volatile: bool = False,
    environment: dict[str, str] | None = None,
    secrets: dict[str, str] | None = None,
) -> Step:
    return Step(
        name=module.rpartition(".")[2],
        owner=OWNER,
        data_classification=CLASSIFICATION,
        command=("python", "-m", f"pipelines.flights.{module}"),
        needs=needs,
        inputs=inputs,
        outputs=outputs,
        retries=retries,
        is_volatile=is_volatile,
        timeout_seconds=TIMEOUT_SECONDS,
        resources=Resources(cpus=cpus, memory_bytes=MEMORY_BYTES),
        environment=environment or {},
        secrets=secrets or {},
    )


def training_pipeline(
    conf: FlightsConf, registry: RegistryOutputs, data_uri: str, gates: GatesConf | None = None
) -> Pipeline:
    """Deliveries are looked for in `<data_uri>/landing`; without `gates` those of the file count. They reach only the
    steps that judge, so that another limit trains nothing.

    Only steps that talk to something outside are tried again: the others would fail the same way twice."""
    judged = {GATES: (gates or GatesConf.from_file()).model_dump_json()}
    places = {REGISTRY_VARIABLE: registry.tracking_url, BUNDLES_VARIABLE: registry.bundles_uri}
    password = {PASSWORD_FILE_VARIABLE: OPERATOR_SECRET}
    landing = {LANDING_VARIABLE: f"{data_uri}/{LANDING}"}
    return Pipeline(
        name=NAME,
        owner=OWNER,
        data_classification=CLASSIFICATION,
        parameters={PARAMETER: conf.model_dump_json()},
        steps=(
            # What it makes is small, and the same while nothing was delivered: then all that follows is there already.
            _step("data.discover", outputs=("manifest",), environment=landing, is_volatile=True),
            _step(
                "data.ingest",
                needs=("discover",),
                inputs=("manifest",),
                outputs=("raw", "receipt"),
                environment=landing,
                retries=1,
            ),
            _step("data.validate", needs=("ingest",), inputs=("raw", "receipt"), outputs=("quality",)),
            _step("data.features", needs=("validate",), inputs=("raw", "quality"), outputs=("features", "labels")),
            _step(
                "model.train",
                needs=("features",),
                inputs=("features", "labels"),
                outputs=("model",),
                cpus=conf.learner.threads,
                environment=SLEEPING_THREADS,
            ),
            # Its answer changes when a model is registered, and with a new champion the model is judged again.
            _step(
                "model.champion",
                needs=("train",),
                inputs=("model",),
                outputs=("champion",),
                retries=2,
                is_volatile=True,
                environment=places,
                secrets=password,
            ),
            _step(
                "model.evaluate",
                needs=("train", "champion"),
                inputs=("features", "labels", "model", "champion"),
                outputs=("evaluation",),
                cpus=conf.learner.threads,
                environment=SLEEPING_THREADS | judged,
            ),
            _step(
                "model.gate",
                needs=("evaluate",),
                inputs=("model", "evaluation"),
                outputs=("verdict",),
                environment=judged,
            ),
            _step(
                "model.register",
                needs=("gate",),
                inputs=("raw", "quality", "model", "evaluation", "verdict"),
                outputs=(RESULT_ARTIFACT,),
                retries=2,
                environment=places,
                secrets=password,
            ),
        ),
    )
