"""What runs that passed were of and made, so that one can be looked up, made again, and cleaned up after."""

from collections.abc import Sequence

from pydantic import AwareDatetime, Field, ValidationError

from infra.contracts.clock import SystemClock
from infra.contracts.files import write_atomically
from infra.contracts.pipelines import PipelineResult
from infra.contracts.workload import Pipeline, Strict
from infra.operations.pipelines.artifacts import ArtifactStore
from infra.operations.pipelines.lineage import Lineage
from infra.operations.pipelines.report import PipelineRun, StepRun


class RunRecord(Strict):
    """`outputs` is step -> artifact -> digest, `partitions` step -> partition -> artifact -> digest."""

    run_id: str
    pipeline: Pipeline
    lineage: Lineage
    started_at: AwareDatetime
    finished_at: AwareDatetime
    recorded_at: AwareDatetime = Field(description="on the wall: orders the runs of a replay and of today")
    outputs: dict[str, dict[str, str]]
    partitions: dict[str, dict[str, dict[str, str]]] = Field(default_factory=dict)
    result: PipelineResult | None = None


def write_record(store: ArtifactStore, pipeline: Pipeline, lineage: Lineage, run: PipelineRun) -> None:
    """Of a run that passed."""
    record = RunRecord(
        run_id=run.run_id,
        pipeline=pipeline,
        lineage=lineage,
        started_at=run.started_at,
        finished_at=run.finished_at,
        recorded_at=SystemClock().now(),
        outputs={step.step: step.outputs for step in run.steps},
        partitions={step.step: _outputs(step.partitions) for step in run.steps if step.partitions},
        result=run.result,
    )
    write_atomically(store.runs / f"{run.run_id}.json", record.model_dump_json())


def run_records(storage_uri: str, pipeline: str) -> Sequence[RunRecord]:
    """The newest first, without what another version of this program told. Raises `StorageError` for a URI that it
    cannot read."""
    return records_of(ArtifactStore(storage_uri, pipeline))


def records_of(store: ArtifactStore) -> Sequence[RunRecord]:
    """As `run_records`."""
    records: list[RunRecord] = []
    for path in store.runs.glob("*.json"):
        try:
            records.append(RunRecord.model_validate_json(path.read_bytes()))
        except (FileNotFoundError, ValidationError):
            continue
    return sorted(records, key=lambda record: record.recorded_at, reverse=True)


def latest_run(storage_uri: str, pipeline: str) -> RunRecord | None:
    """The last run that passed; None when there was none. Raises as `run_records`."""
    return next(iter(run_records(storage_uri, pipeline)), None)


def _outputs(runs: dict[str, StepRun]) -> dict[str, dict[str, str]]:
    return {name: run.outputs for name, run in runs.items()}
