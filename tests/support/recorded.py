"""A clone with recorded runs of two commits, as `highway train` would leave them."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.cli.train import CODE, LOCK
from infra.local.home import Home
from infra.operations.pipelines.lineage import lineage_of
from infra.operations.pipelines.records import RunRecord, run_records
from pipelines.flights.conf import FlightsConf
from pipelines.flights.model.gates import GatesConf
from tests.support.service import BYTE_CODE, REPO
from tests.support.training import execute, registry, spec_for
from tests.support.working_copy import WorkingCopy

CONF = "pipelines/confs/flights.yaml"
HIGHWAY = Path(sys.executable).with_name("highway")


@dataclass
class RecordedClone:
    """A clone with runs of two commits, as `highway train` would leave them."""

    copy: WorkingCopy
    home: Home
    runs: list[RunRecord]

    @property
    def environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            **BYTE_CODE,
            "HIGHWAY_HOME": str(self.home.root),
            "HIGHWAY_DATA_URI": self.home.storage.as_uri(),
        }

    def highway(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [HIGHWAY, *arguments]
        return subprocess.run(command, cwd=REPO, env=self.environment, capture_output=True, text=True, check=False)

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """`highway ARGUMENTS` at work."""
        silent = subprocess.DEVNULL
        process = subprocess.Popen([HIGHWAY, *arguments], cwd=REPO, env=self.environment, stdout=silent, stderr=silent)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def sources(target: Path) -> None:
    """This working tree, as it is."""
    listed = subprocess.run(
        ["git", "-C", REPO, "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (REPO / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPO / name, target / name)


def quick_gates() -> GatesConf:
    gates = GatesConf.from_file()
    return gates.model_copy(update={"evaluation": gates.evaluation.model_copy(update={"resamples": 500})})


def recorded_clone(folder: Path) -> RecordedClone:
    """Its two runs differ by their learner."""
    copy = WorkingCopy.create(folder / "clone", folder / "nowhere")
    sources(copy.path)
    copy.commit({})
    home = Home(copy.path / ".highway")
    home.data.mkdir(parents=True)
    runs = []
    with registry(home.data) as url:
        for iterations in (60, 70):
            # Larger steps, fewer resamples and no month after the held-out one: all of it would only take time.
            text = (copy.path / CONF).read_text()
            for key, value in {"iterations": iterations, "learning_rate": 0.15, "last_month": "2013-09"}.items():
                text = re.sub(rf"^( *{key}): .*", rf"\1: {value}", text, flags=re.M)
            copy.commit({CONF: text})
            conf = FlightsConf.from_file(copy.path / CONF)
            spec = spec_for(home.data, url, conf, quick_gates())
            run = execute(spec, home.data, lineage_of(copy.path, code=CODE, lock=LOCK))
            assert run.is_success, run.summary
            runs.append(run_records(home.storage.as_uri(), "train")[0])
    return RecordedClone(copy, home, runs)
