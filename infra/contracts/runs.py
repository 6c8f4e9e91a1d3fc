"""The record of a run that passed, and where it and its artifacts are below the storage URI.

Enough to make the run again, and to find what it made: for `highway reproduce`, and for a notebook that looks at
a run as its steps saw it.
"""

from pydantic import AwareDatetime

from infra.contracts.pipelines import PipelineResult
from infra.contracts.workload import Pipeline, Strict


class RunLineage(Strict):
    """What code a run was of; `infra.operations.pipelines.lineage` says how it is found."""

    commit: str
    code_digest: str
    lock_digest: str


class RunRecord(Strict):
    """`outputs` maps each step to its artifacts and their digests; `pipeline` has the run's parameters."""

    run_id: str
    pipeline: Pipeline
    lineage: RunLineage
    started_at: AwareDatetime
    finished_at: AwareDatetime
    outputs: dict[str, dict[str, str]]
    result: PipelineResult | None = None

    @property
    def artifacts(self) -> dict[str, str]:
        """Digest of each artifact of the run."""
        return {name: digest for made in self.outputs.values() for name, digest in made.items()}


def runs_path(pipeline: str) -> str:
    """The folder of a pipeline's records; each is `<run id>.json`."""
    return f"pipelines/{pipeline}/runs"


def object_path(digest: str) -> str:
    """The folder of an artifact's content."""
    return f"objects/{digest.removeprefix('sha256:')}"
