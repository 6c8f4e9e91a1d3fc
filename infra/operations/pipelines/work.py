"""What is cached, tried and recorded as one: a step, or one partition of a step that maps."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.contracts.pipelines import PARTITION_VARIABLE, input_digest_variable, input_variable
from infra.contracts.workload import Job, Step

NAME_LENGTH = 63  # of `infra.contracts.workload.Name`
HASH_LENGTH = 8


@dataclass(frozen=True)
class Input:
    """What it reads of one artifact, and where that lies."""

    digest: str
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Work:
    """`key` is its cache key; `inputs` are by artifact."""

    step: Step
    key: str
    inputs: Mapping[str, Input]
    partition: str | None = None

    @property
    def label(self) -> str:
        """For a person."""
        return self.step.name if self.partition is None else f"{self.step.name}[{self.partition}]"

    @property
    def digests(self) -> dict[str, str]:
        return {name: each.digest for name, each in self.inputs.items()}

    def job(self, pipeline: str) -> Job:
        fields = self.step.model_dump(include={*Job.model_fields} - {"kind"})
        return Job.model_validate({**fields, "name": job_name(pipeline, self.step.name, self.partition)})

    def environment(self) -> dict[str, str]:
        return {
            **({} if self.partition is None else {PARTITION_VARIABLE: self.partition}),
            **{input_variable(name): each.folder.as_uri() for name, each in self.inputs.items()},
            **{input_digest_variable(name): digest for name, digest in self.digests.items()},
        }


def job_name(pipeline: str, step: str, partition: str | None = None) -> str:
    """Named for its pipeline as well: other pipelines have steps of the same name. What does not fit into a name is
    cut and gets a hash, so that no two have the same."""
    words = [pipeline, step, *([] if partition is None else [partition])]
    name = re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")
    if name == "-".join(words) and len(name) <= NAME_LENGTH:
        return name
    suffix = hashlib.sha256("\0".join(words).encode()).hexdigest()[:HASH_LENGTH]
    return f"{name[: NAME_LENGTH - HASH_LENGTH - 1].rstrip('-')}-{suffix}"
