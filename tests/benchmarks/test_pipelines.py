"""The pipeline executor: its overhead a step, and its wall time beside Metaflow's on the same four steps.

`.highway/venv/bin/pytest -m nightly tests/benchmarks/test_pipelines.py -s`. Both run every step as a process of its
own, on this machine, and keep what it made; our jobs run as on the highway, under a real supervisor, and the executor
is a process that starts and imports, as theirs is. Runs alternate, so that a machine that is busy for a while is busy
for both; medians count.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.contracts.clock import SystemClock
from infra.contracts.workload import DataClassification, Pipeline, Step
from infra.local.home import Home
from infra.local.jobs import SupervisedJobs
from infra.local.supervisor import Supervisor
from infra.operations.pipelines.run import run_pipeline
from tests.support.peer_environment import peer_python
from tests.support.service import BYTE_CODE
from tests.support.toy_pipeline import LINEAGE

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(900)]

METAFLOW = "metaflow==2.19.39"
PAIRS = 7
OVERHEAD_LIMIT_SECONDS = 0.2
RATIO_LIMIT = 0.4
NAMES = ("start", "one", "two", "end")

# Reads the number of the step before it and writes the next one.
COUNT = """
import os, pathlib, sys, urllib.parse
folder = lambda variable: pathlib.Path(urllib.parse.urlsplit(os.environ[variable]).path)
before, mine = sys.argv[1:]
number = int((folder(f"HIGHWAY_INPUT_{before}") / "number").read_text()) if before else 0
(folder(f"HIGHWAY_OUTPUT_{mine}") / "number").write_text(str(number + 1))
"""

FLOW = """
from metaflow import FlowSpec, step

class CountFlow(FlowSpec):
    @step
    def start(self):
        self.number = 1
        self.next(self.one)

    @step
    def one(self):
        self.number += 1
        self.next(self.two)

    @step
    def two(self):
        self.number += 1
        self.next(self.end)

    @step
    def end(self):
        self.number += 1

if __name__ == "__main__":
    CountFlow()
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        home = Home(folder / "repo" / ".highway")
        home.root.mkdir(parents=True)
        supervisor = Supervisor(home)
        supervisor.ensure_alive()
        yield home
        supervisor.shut_down()


def command(number: int) -> tuple[str, ...]:
    before = NAMES[number - 1].upper() if number else ""
    return ("python", "-c", COUNT, before, NAMES[number].upper())


def pipeline(storage: Path) -> Pipeline:
    """`storage` as a parameter, so that nothing is there already."""
    said = {"owner": "tests", "data_classification": DataClassification.PUBLIC}
    steps = tuple(
        Step.model_validate(
            {
                "name": name,
                "command": command(number),
                "needs": NAMES[:number][-1:],
                "inputs": NAMES[:number][-1:],
                "outputs": (name,),
                **said,
            }
        )
        for number, name in enumerate(NAMES)
    )
    return Pipeline.model_validate({"name": "count", "steps": steps, "parameters": {"AT": str(storage)}, **said})


# What `highway train` does, once it has found the declared pipeline.
EXECUTOR = """
import pathlib, sys
from infra.contracts.clock import SystemClock
from infra.contracts.workload import Pipeline
from infra.local.home import Home
from infra.local.jobs import SupervisedJobs
from infra.operations.pipelines.lineage import Lineage
from infra.operations.pipelines.run import run_pipeline
spec, home, storage = sys.argv[1:]
run = run_pipeline(
    Pipeline.model_validate_json(spec),
    jobs=SupervisedJobs(Home(pathlib.Path(home))),
    storage_uri=storage,
    lineage=Lineage(commit="c0ffee", code_digest="code", lock_digest="lock"),
    clock=SystemClock(),
)
sys.exit(None if run.is_success else run.summary)
"""


def run_ours(home: Home, storage: Path) -> None:
    program = [sys.executable, "-c", EXECUTOR, pipeline(storage).model_dump_json(), str(home.root), storage.as_uri()]
    subprocess.run(program, env=with_byte_code(), check=True)


def run_here(home: Home, storage: Path) -> None:
    """The executor alone."""
    run = run_pipeline(
        pipeline(storage),
        jobs=SupervisedJobs(home),
        storage_uri=storage.as_uri(),
        lineage=LINEAGE,
        clock=SystemClock(),
    )
    assert run.is_success, run.summary


def run_bare(folder: Path) -> None:
    """The same four processes, started by nobody but us."""
    for number, name in enumerate(NAMES):
        (folder / name).mkdir(parents=True)
        inputs = {f"HIGHWAY_INPUT_{NAMES[number - 1].upper()}": (folder / NAMES[number - 1]).as_uri()} if number else {}
        outputs = {f"HIGHWAY_OUTPUT_{name.upper()}": (folder / name).as_uri()}
        program = [sys.executable, *command(number)[1:]]
        subprocess.run(program, env={**os.environ, **inputs, **outputs}, check=True)


def run_metaflow(python: Path, folder: Path) -> None:
    flow = folder / "flow.py"
    folder.mkdir(exist_ok=True)
    flow.write_text(FLOW)
    environment = {
        **with_byte_code(),
        "METAFLOW_USER": "bench",
        "METAFLOW_DEFAULT_DATASTORE": "local",
        "METAFLOW_HOME": str(folder / "home"),
    }
    done = subprocess.run(
        [python, flow, "--no-pylint", "run"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def with_byte_code() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | BYTE_CODE


def seconds_of(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def test_overhead_and_wall_time(home: Home, tmp_path: Path) -> None:
    python = peer_python("metaflow", METAFLOW)
    run_ours(home, tmp_path / "ours-warm")
    run_metaflow(python, tmp_path / "metaflow")
    ours, theirs, here, bare = [], [], [], []
    for pair in range(PAIRS):
        ours.append(seconds_of(lambda at=tmp_path / f"ours-{pair}": run_ours(home, at)))
        theirs.append(seconds_of(lambda: run_metaflow(python, tmp_path / "metaflow")))
        here.append(seconds_of(lambda at=tmp_path / f"here-{pair}": run_here(home, at)))
        bare.append(seconds_of(lambda at=tmp_path / f"bare-{pair}": run_bare(at)))
    overhead = (statistics.median(here) - statistics.median(bare)) / len(NAMES)
    ratio = statistics.median(our / their for our, their in zip(ours, theirs, strict=True))
    print(
        f"\nfour steps: {statistics.median(ours):.2f} s, {METAFLOW} {statistics.median(theirs):.2f} s "
        f"(median ratio of {PAIRS} pairs {ratio:.2f}, limit {RATIO_LIMIT}); in a process that runs already "
        f"{statistics.median(here):.2f} s, the four processes alone {statistics.median(bare):.2f} s, "
        f"so {overhead:.3f} s a step (limit {OVERHEAD_LIMIT_SECONDS})"
    )
    assert ratio <= RATIO_LIMIT
    assert overhead <= OVERHEAD_LIMIT_SECONDS
