"""What the executor of a pipeline and its steps tell each other: environment variables and one small file.

A step learns where its artifacts are, and nothing else: each input and output is the URI of a folder, so the
step does not know where it runs. It writes into its outputs; they become visible to other steps when it has
ended with code 0.
"""

from typing import Literal

from pydantic import Field, TypeAdapter

from infra.contracts.workload import Strict

RUN_VARIABLE = "HIGHWAY_RUN_ID"
COMMIT_VARIABLE = "HIGHWAY_COMMIT"
LOCK_DIGEST_VARIABLE = "HIGHWAY_LOCK_DIGEST"
DATA_VARIABLE = "HIGHWAY_DATA_URI"  # where all artifacts and run records are; for a person's shell and notebooks
PARTITION_VARIABLE = "HIGHWAY_PARTITION"  # of a step that maps: the name of the partition it was given
TRIALS_VARIABLE = "EXPERIMENT_TRIALS"  # of the steps of an experiment that plan: how many trials
UNKNOWN_COMMIT = "unknown"  # the sources are no git checkout
UNKNOWN_LOCK = "unknown"  # whoever built the image did not say

# The artifact, and the file in it, with which a pipeline says what it made; any step may write it.
RESULT_ARTIFACT = "result"
RESULT_FILE = "result.json"

# In any output: what the step checked (a JSON list of `Check`). The executor tells the ledger of it, also when the
# attempt failed; the outputs of a failed attempt are not kept.
CHECKS_FILE = "checks.json"


def _upper_snake(name: str) -> str:
    return name.upper().replace("-", "_")


def input_variable(artifact: str) -> str:
    """Holds the URI of the input's folder."""
    return f"HIGHWAY_INPUT_{_upper_snake(artifact)}"


def input_digest_variable(artifact: str) -> str:
    """Holds the digest of the input's content, as lineage wants it."""
    return f"{input_variable(artifact)}_DIGEST"


def output_variable(artifact: str) -> str:
    """Holds the URI of an empty folder to write the output to."""
    return f"HIGHWAY_OUTPUT_{_upper_snake(artifact)}"


class PipelineResult(Strict):
    """What a run made, for the status table and for whoever releases it."""

    model: str | None = None
    version: str | None = Field(default=None, description="of the model in the registry")
    digest: str | None = Field(default=None, description="of the model's bundle")
    rows: int | None = Field(default=None, ge=0, description="rows that came in")
    metrics: dict[str, float] = Field(default_factory=dict)


class Check(Strict):
    """One verdict of a step: a rule of a data contract, a gate of a model."""

    name: str = Field(min_length=1, description="stable, with dots, such as flights.2013-03 or gate.calibration")
    suite: Literal["data", "model", "code"]
    is_passed: bool
    summary: str = Field(description="one line, with the value seen and what is allowed")
    value: float | None = None
    limit: float | None = None


CHECKS: TypeAdapter[list[Check]] = TypeAdapter(list[Check])  # what is in `CHECKS_FILE`
