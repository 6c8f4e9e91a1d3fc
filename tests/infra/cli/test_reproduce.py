"""Two real runs of two commits, made again from nothing by the command, to the byte; and one that was tampered with."""

import contextlib
import dataclasses
import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer

from infra.cli.reproduce import answer, find
from infra.operations.pipelines.artifacts import ArtifactStore
from infra.operations.pipelines.report import Silent
from infra.operations.reproduction.checkout import NotReproducibleError
from infra.operations.reproduction.replay import Place, judge, plan_of, replay
from tests.support.recorded import RecordedClone

MINUTES = 5
pytestmark = [pytest.mark.proof, pytest.mark.timeout(MINUTES * 60)]


def processes_in(folder: Path) -> list[str]:
    """Command lines that name `folder`, and processes that work in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(folder) in command or str((process / "cwd").readlink()).startswith(str(folder)):
                found.append(command)
    return found


@dataclasses.dataclass
class Kept:
    """The reproduction of the second run: its folder, and what the command said."""

    folder: Path
    done: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def kept(recorded: RecordedClone, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    folder = tmp_path_factory.mktemp("kept")
    return Kept(folder, recorded.highway("reproduce", recorded.runs[1].run_id, "--json", "--into", str(folder)))


def change_a_delay(file: Path) -> None:
    file.chmod(0o600)
    table = pq.read_table(file)
    column = table.column_names.index("arr_delay")
    delays = pa.array([999, *table["arr_delay"].to_pylist()[1:]], table.schema.field(column).type)
    pq.write_table(table.set_column(column, table.schema.field(column), delays), file)


def test_runs_of_two_commits_are_made_again_to_the_byte(recorded: RecordedClone, kept: Kept) -> None:
    first, second = recorded.runs
    for record, done in ((first, recorded.highway("reproduce", first.run_id, "--json")), (second, kept.done)):
        assert done.returncode == 0, done.stdout + done.stderr
        found = json.loads(done.stdout)
        assert found["is_same"]
        assert found["commit"] == record.lineage.commit
        compared = {each["name"]: each["reproduced"] for each in found["artifacts"]}
        assert compared["model"] == record.outputs["train"]["model"]
        assert {"raw", "features", "labels", "evaluation", "bundle/model.joblib", "bundle/model.onnx"} <= set(compared)
        assert (found["taken"], list(found["left_out"])) == (["discover", "champion"], ["register"])
    assert not (recorded.home.root / "reproduce" / "run").exists()
    assert recorded.copy.git("worktree", "list").count("\n") == 0
    assert first.lineage.commit != second.lineage.commit
    assert first.outputs["train"]["model"] != second.outputs["train"]["model"]


def test_recorded_data_that_was_altered_is_named_by_file_and_column(
    recorded: RecordedClone, kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the folder of a reproduction that was kept, where nothing has to run again."""
    record, uri, place = recorded.runs[1], recorded.home.storage.as_uri(), Place(kept.folder)
    planned = plan_of(record, uri)
    file = ArtifactStore(uri, "train").path_of(record.outputs["ingest"]["raw"]) / "flights" / "2013-07.parquet"
    whole = file.read_bytes()
    change_a_delay(file)
    try:
        run = replay(planned, place, record, place.home / "venv" / "bin" / "python", Silent())
        assert run.is_unchanged
        found = judge(record, planned, run, place, storage_uri=uri, bundles=recorded.home.bundles)
    finally:
        file.write_bytes(whole)
    with pytest.raises(typer.Exit) as end:
        answer(found, json_output=False)
    assert end.value.exit_code == 1
    said = capsys.readouterr().out
    assert re.search(r"^raw .* altered since *$", said, re.M), said
    assert "raw/flights/2013-07.parquet changed: column arr_delay differs in 1 of" in said
    assert re.search(r"^model .* equal *$", said, re.M), said
    assert "NOT the same" in said


def test_what_cannot_be_reproduced_is_refused_in_one_line(recorded: RecordedClone, tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    dirty = recorded.runs[0].model_copy(
        update={
            "run_id": "dirty",
            "result": None,
            "lineage": dataclasses.replace(recorded.runs[0].lineage, commit=f"{recorded.runs[0].lineage.commit}-dirty"),
        }
    )
    path = recorded.home.storage / "pipelines" / "train" / "runs" / "dirty.json"
    path.write_text(dirty.model_dump_json())
    cases = {
        ("never",): "no run of train is 'never'; the newest are",
        ("dirty",): "changes on",
        ("latest", "--pipeline", "nothing"): "no run of nothing is recorded",
        ("1", "--into", str(tmp_path)): "is not empty; give a folder that is, or none",
    }
    try:
        for arguments, why in cases.items():
            refused = recorded.highway("reproduce", *arguments)
            assert (refused.returncode, refused.stdout) == (2, ""), refused.stderr
            assert why in refused.stderr
            assert len(refused.stderr.splitlines()) == 1
    finally:
        path.unlink()


def test_an_interrupted_reproduction_leaves_neither_folder_nor_process(recorded: RecordedClone) -> None:
    work = recorded.home.root / "reproduce" / "run"
    with recorded.started("reproduce", recorded.runs[0].run_id) as process:
        deadline = time.monotonic() + 120
        while not list((work / "logs").glob("train-ingest-*.log")) and time.monotonic() < deadline:
            assert process.poll() is None, "it ended before it was interrupted"
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert not work.exists()
    assert processes_in(work) == []


def test_a_run_is_found_by_its_id_its_model_version_or_as_the_latest(recorded: RecordedClone) -> None:
    uri, (first, second) = recorded.home.storage.as_uri(), recorded.runs
    assert find(uri, "train", first.run_id) == find(uri, "train", "1") == first
    assert find(uri, "train", "latest") == find(uri, "train", "2") == second
    with pytest.raises(NotReproducibleError, match="no run of train is '3'"):
        find(uri, "train", "3")
