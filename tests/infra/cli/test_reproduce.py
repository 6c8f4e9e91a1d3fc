"""Two real runs of two commits, made again from nothing by the command, to the byte; and one that was tampered with."""

import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.cli.reproduce import find
from infra.cli.train import CODE, LOCK
from infra.local.home import Home
from infra.operations.pipelines.artifacts import ArtifactStore
from infra.operations.pipelines.lineage import lineage_of
from infra.operations.pipelines.records import RunRecord, run_record
from infra.operations.reproduction.checkout import NotReproducibleError
from pipelines.flights.conf import FlightsConf
from tests.support.service import BYTE_CODE, REPO
from tests.support.training import execute, registry, spec_for
from tests.support.working_copy import WorkingCopy

CONF = "pipelines/confs/flights.yaml"
MINUTES = 5
REPRODUCE = [Path(sys.executable).with_name("highway"), "reproduce"]


@dataclass
class Clone:
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

    def reproduce(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*REPRODUCE, *arguments], cwd=REPO, env=self.environment, capture_output=True, text=True, check=False
        )

    @contextmanager
    def start(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen(
            [*REPRODUCE, *arguments],
            cwd=REPO,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def processes_in(folder: Path) -> list[str]:
    """Command lines that name `folder`, and processes that work in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(folder) in command or str((process / "cwd").readlink()).startswith(str(folder)):
                found.append(command)
    return found


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


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    folder = tmp_path_factory.mktemp("reproduce")
    copy = WorkingCopy.create(folder / "clone", folder / "nowhere")
    sources(copy.path)
    copy.commit({})
    home = Home(copy.path / ".highway")
    home.data.mkdir(parents=True)
    runs = []
    with registry(home.data) as url:
        for iterations in (150, 200):
            text = re.sub("iterations: .*", f"iterations: {iterations}", (copy.path / CONF).read_text())
            # To the held-out month: the rest would only take time.
            copy.commit({CONF: re.sub("^last_month: .*", "last_month: 2013-09", text, flags=re.M)})
            conf = FlightsConf.from_file(copy.path / CONF)
            run = execute(spec_for(home.data, url, conf), home.data, lineage_of(copy.path, code=CODE, lock=LOCK))
            assert run.is_success, run.summary
            runs.append(run_record(home.storage.as_uri(), "train", run.run_id))
    return Clone(copy, home, runs)


def change_a_delay(file: Path) -> None:
    file.chmod(0o600)
    table = pq.read_table(file)
    column = table.column_names.index("arr_delay")
    delays = pa.array([999, *table["arr_delay"].to_pylist()[1:]], table.schema.field(column).type)
    pq.write_table(table.set_column(column, table.schema.field(column), delays), file)


@pytest.mark.proof
@pytest.mark.timeout(MINUTES * 60)
@pytest.mark.parametrize("number", [0, 1])
def test_a_run_of_another_commit_is_made_again_to_the_byte(clone: Clone, number: int) -> None:
    record = clone.runs[number]
    done = clone.reproduce(record.run_id, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["is_same"]
    assert found["commit"] == record.lineage.commit
    compared = {each["name"]: each["reproduced"] for each in found["artifacts"]}
    assert compared["model"] == record.outputs["train"]["model"]
    assert {"raw", "features", "labels", "evaluation", "bundle/model.joblib"} <= set(compared)
    assert "register" in found["left_out"]
    assert not (clone.home.root / "reproduce" / "run").exists()
    assert clone.copy.git("worktree", "list").count("\n") == 0


@pytest.mark.proof
def test_both_runs_were_of_other_models(clone: Clone) -> None:
    first, second = clone.runs
    assert first.lineage.commit != second.lineage.commit
    assert first.outputs["train"]["model"] != second.outputs["train"]["model"]


@pytest.mark.proof
@pytest.mark.timeout(MINUTES * 60)
def test_recorded_data_that_was_altered_is_named_by_file_and_column(clone: Clone) -> None:
    record = clone.runs[1]
    raw = ArtifactStore(clone.home.storage.as_uri(), "train").path_of(record.outputs["ingest"]["raw"])
    change_a_delay(raw / "flights" / "2013-07.parquet")
    done = clone.reproduce(record.run_id)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"^raw .* altered since *$", done.stdout, re.M), done.stdout
    assert "raw/flights/2013-07.parquet changed: column arr_delay differs in 1 of" in done.stdout
    assert re.search(r"^model .* equal *$", done.stdout, re.M), done.stdout
    assert "NOT the same" in done.stdout


@pytest.mark.proof
def test_what_cannot_be_reproduced_is_refused_in_one_line(clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    dirty = clone.runs[0].model_copy(
        update={
            "run_id": "dirty",
            "lineage": dataclasses.replace(clone.runs[0].lineage, commit=f"{clone.runs[0].lineage.commit}-dirty"),
        }
    )
    path = clone.home.storage / "pipelines" / "train" / "runs" / "dirty.json"
    path.write_text(dirty.model_dump_json())
    cases = {
        ("never",): "no run of train is 'never'; the newest are",
        ("dirty",): "changes on",
        ("latest", "--pipeline", "nothing"): "no run of nothing is recorded",
        ("1", "--into", str(tmp_path)): "is not empty; give a folder that is, or none",
    }
    try:
        for arguments, why in cases.items():
            refused = clone.reproduce(*arguments)
            assert (refused.returncode, refused.stdout) == (2, ""), refused.stderr
            assert why in refused.stderr
            assert len(refused.stderr.splitlines()) == 1
    finally:
        path.unlink()


@pytest.mark.proof
@pytest.mark.timeout(MINUTES * 60)
def test_an_interrupted_reproduction_leaves_neither_folder_nor_process(clone: Clone) -> None:
    work = clone.home.root / "reproduce" / "run"
    with clone.start(clone.runs[0].run_id) as process:
        deadline = time.monotonic() + 120
        while not list((work / "logs").glob("train-ingest-*.log")) and time.monotonic() < deadline:
            assert process.poll() is None, "it ended before it was interrupted"
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert not work.exists()
    assert processes_in(work) == []


@pytest.mark.proof
def test_a_run_is_found_by_its_id_its_model_version_or_as_the_latest(clone: Clone) -> None:
    uri, (first, second) = clone.home.storage.as_uri(), clone.runs
    assert find(uri, "train", first.run_id) == find(uri, "train", "1") == first
    assert find(uri, "train", "latest") == find(uri, "train", "2") == second
    with pytest.raises(NotReproducibleError, match="no run of train is '3'"):
        find(uri, "train", "3")
