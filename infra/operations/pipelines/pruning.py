"""Removing what no run that is remembered made: records first, then the artifacts that nothing names any more.

A kill in between leaves artifacts without a name, which the next time removes; never a name without its artifact.
"""

import re
import shutil
from collections.abc import Sequence

from infra.operations.pipelines.artifacts import ArtifactStore
from infra.operations.pipelines.lock import naming
from infra.operations.pipelines.records import RunRecord, records_of

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def prune(store: ArtifactStore, keep_runs: int) -> None:
    """Only under the pipeline's lock. Keeps what the last `keep_runs` different runs of this pipeline made, and all
    that any other pipeline's records name: its run may be under way."""
    records = records_of(store)
    kept = remembered(records, keep_runs)
    for record in records:
        if record not in kept:
            (store.runs / f"{record.run_id}.json").unlink()
    alive = {digest for path in store.runs.glob("*.json") for digest in DIGEST.findall(path.read_text())}
    for path in store.steps.glob("*.json"):
        if not set(DIGEST.findall(path.read_text())) <= alive:
            path.unlink()
    with naming(store.root, alone=True):
        # By their text, so that what another version of this program wrote counts too.
        named = {
            digest
            for kind in ("runs", "steps")
            for path in store.root.glob(f"pipelines/*/{kind}/*.json")
            for digest in DIGEST.findall(path.read_text())
        }
        for folder in store.objects.glob("*"):
            if f"sha256:{folder.name}" not in named:
                shutil.rmtree(folder)


def remembered(records: Sequence[RunRecord], keep_runs: int) -> list[RunRecord]:
    """Of `records`, newest first. Runs that made the same count as one, or twenty runs without a change would
    forget what was made before; of those the first, which made it, and the newest are kept."""
    groups: dict[str, list[RunRecord]] = {}
    for record in records:
        groups.setdefault(str(sorted(record.outputs.items())), []).append(record)
    last = list(groups.values())[:keep_runs]
    return [record for group in last for record in (group[:1] if len(group) == 1 else [group[0], group[-1]])]
