"""The cache key of a step: the digest of all that can change what it makes."""

import hashlib
import json
from collections.abc import Mapping

from infra.contracts.workload import Step
from infra.operations.pipelines.lineage import Lineage

# Who owns a step, how often it is tried and how much it may use change none of its bytes.
DECISIVE = {"name", "command", "bundle", "environment", "secrets", "inputs", "outputs", "map_over"}


def cache_key(
    step: Step,
    parameters: Mapping[str, str],
    lineage: Lineage,
    inputs: Mapping[str, str],
    partition: str | None = None,
) -> str:
    """`inputs` maps each artifact that the step reads to the digest of its content; of the one that it maps over,
    to that of `partition`."""
    facts = {
        "step": step.model_dump(mode="json", include=DECISIVE),
        "parameters": dict(parameters),
        "code": lineage.code_digest,
        "lock": lineage.lock_digest,
        "inputs": dict(inputs),
        "partition": partition,
    }
    return "sha256:" + hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
