"""`python -m tests.support.killing FOLDER SIGNAL EVERY`: end a run at its persisted transitions, one after the other.

A transition is a call that changes what is on the disk: a folder made, a file renamed, linked or removed. For each
(for each `EVERY`th) a process runs the pipeline and sends itself `SIGNAL` just before it; another one runs it again.
One line of JSON says what became of both. Processes are forked, so that nothing is imported twice.
"""

import itertools
import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.contracts.clock import SystemClock
from infra.contracts.workload import DataClassification, Pipeline, Step
from infra.operations.pipelines.artifacts import ArtifactStore
from infra.operations.pipelines.report import PipelineRun
from infra.operations.pipelines.run import run_pipeline
from infra.operations.pipelines.subprocess_jobs import SubprocessJobs
from tests.support.toy_pipeline import LINEAGE

TRANSITIONS = ("mkdir", "rename", "replace", "link", "unlink", "rmdir")
NEVER = 10**9
NAME = "toy"
PARTS = ("x", "y")
# Shells, because they start in a moment; the URIs of folders become paths.
SAY = 'echo "$HIGHWAY_RUN_ID $0$HIGHWAY_PARTITION" >> journal; out() { eval echo "\\${HIGHWAY_OUTPUT_$1#file://}"; }; '
SPLIT = SAY + 'for part in x y; do mkdir "$(out PARTS)/$part"; echo "$WORD $part" > "$(out PARTS)/$part/text"; done'
EACH = SAY + 'cat "${HIGHWAY_INPUT_PARTS#file://}/text" > "$(out MADE)/text"; echo each >> "$(out MADE)/text"'
BESIDE = SAY + 'echo "$WORD" > "$(out B)/text"'
LAST = SAY + 'echo \'{"rows": 2}\' > "$(out RESULT)/result.json"'


def _step(name: str, script: str, **more: Any) -> Step:
    fields = {"owner": "tests", "data_classification": DataClassification.PUBLIC}
    return Step.model_validate({"name": name, "command": ("sh", "-ec", script, name), **fields, **more})


def spec(word: str) -> Pipeline:
    """split (volatile) -> each (of x and y); beside; last."""
    return Pipeline(
        name=NAME,
        owner="tests",
        data_classification=DataClassification.PUBLIC,
        parameters={"WORD": word},
        steps=(
            _step("split", SPLIT, outputs=("parts",), is_volatile=True),
            _step("each", EACH, needs=("split",), inputs=("parts",), outputs=("made",), map_over="parts"),
            _step("beside", BESIDE, outputs=("b",)),
            _step("last", LAST, needs=("each", "beside"), inputs=("made", "b"), outputs=("result",)),
        ),
    )


ALL = {"split", "beside", "last", *(f"each{part}" for part in PARTS)}


def run(folder: Path, word: str) -> PipelineRun:
    return run_pipeline(
        spec(word),
        jobs=SubprocessJobs(folder=folder, logs=folder / "logs"),
        storage_uri=(folder / "storage").as_uri(),
        lineage=LINEAGE,
        clock=SystemClock(),
        parallel_steps=2,
        keep_runs=1,
    )


def forked(work: Callable[[], None]) -> int:
    """How the process that did `work` ended: its exit code, or minus the signal that ended it."""
    process = os.fork()
    if process == 0:
        try:
            work()
        except KeyboardInterrupt:
            os._exit(130)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def ends_itself(number: int, ending: signal.Signals) -> None:
    """At the transition of this number, counted from 1, of this process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    counted = itertools.count(1)
    for name in TRANSITIONS:
        real = getattr(os, name)

        def hooked(*arguments: Any, real: Any = real, **options: Any) -> Any:
            if next(counted) == number:
                os.kill(os.getpid(), ending)
            return real(*arguments, **options)

        setattr(os, name, hooked)


def finished(folder: Path) -> dict[str, str]:
    """Cache key -> name of the work whose record and whole outputs are on the disk."""
    store = ArtifactStore((folder / "storage").as_uri(), NAME)
    found = {path.stem: store.find(path.stem) for path in store.steps.glob("*.json")}
    return {key: record.step.translate({ord("["): None, ord("]"): None}) for key, record in found.items() if record}


def state(folder: Path, run_id: str, made: dict[str, dict[str, str]]) -> dict[str, Any]:
    storage = folder / "storage"
    lines = [line.split() for line in (folder / "journal").read_text().splitlines()]
    return {
        "ran": sorted(name for run, name in lines if run == run_id),
        "outputs": made,
        "objects": sorted(path.name for path in (storage / "objects").iterdir()),
        "litter": [*sorted(path.name for path in storage.rglob(".*")), *map(str, storage.rglob("staging"))],
    }


def again(folder: Path) -> None:
    result = run(folder, "new")
    assert result.is_success, result.summary
    made = {step.step: step.outputs for step in result.steps}
    (folder / "state").write_text(json.dumps(state(folder, result.run_id, made)))


def attempt(base: Path, folder: Path, number: int, ending: signal.Signals) -> dict[str, Any]:
    shutil.copytree(base, folder)
    before = finished(folder)

    def work() -> None:
        ends_itself(number, ending)
        run(folder, "new")

    ended = forked(work)
    done = {name for key, name in finished(folder).items() if key not in before}
    assert forked(lambda: again(folder)) == 0, f"the run after one that ended at transition {number} failed"
    found: dict[str, Any] = json.loads((folder / "state").read_text())
    shutil.rmtree(folder)
    return {"number": number, "ended": ended, "finished": sorted(done), **found}


def main(folder: Path, ending: signal.Signals, every: int) -> None:
    base = folder / "base"
    base.mkdir(parents=True)
    assert forked(lambda: run(base, "old") and None) == 0
    for number in itertools.count(every, every):
        found = attempt(base, folder / str(number), number, ending)
        print(json.dumps(found), flush=True)
        if found["ended"] == 0:  # it has fewer transitions than that
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), signal.Signals(int(sys.argv[2])), int(sys.argv[3]))
