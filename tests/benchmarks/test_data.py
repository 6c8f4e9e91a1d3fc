"""Ten times the data: what the steps of the data take of time and memory, beside the sample in the same run."""

import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import polars as pl
import pytest

from infra.contracts.pipelines import input_variable, output_variable
from pipelines.flights.conf import PARAMETER, FlightsConf
from pipelines.flights.data.sources import LANDING, PACKAGE, places
from pipelines.flights.variables import LANDING_VARIABLE
from tests.support.service import BYTE_CODE, REPO

TIMES = 10
RATIO_MAX = 12.0
RESIDENT_BYTES_MAX = 1.5 * 2**30
STEPS = ("discover", "ingest", "validate", "features")
ARTIFACTS = ("manifest", "raw", "receipt", "quality", "features", "labels")
# A child's figure begins with the memory of whom it was forked from, which must therefore be small.
MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Deliveries of the years after the sample's, which repeat it: 2014 to 2022, each as whole as 2013."""
    folder = tmp_path_factory.mktemp("ten-times") / LANDING
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(LANDING_VARIABLE, folder.as_uri())
        package = Path(places()[PACKAGE].path)
    for kind, name in (("flights", "flights.csv.zip"), ("weather", "weather.csv")):
        (folder / kind).mkdir(parents=True)
        rows = pl.read_csv(_unpacked(package / name), infer_schema=False)
        for later in range(1, TIMES):
            (folder / kind / f"{2013 + later}.csv").write_text(_moved(rows, later).write_csv())
    return folder


def _unpacked(path: Path) -> bytes:
    return zipfile.ZipFile(path).read("flights.csv") if path.suffix == ".zip" else path.read_bytes()


def _moved(rows: pl.DataFrame, years: int) -> pl.DataFrame:
    """Everything that many years later: other keys, the same volumes."""
    hour = pl.col("time_hour")
    return rows.with_columns(
        (pl.col("year").cast(pl.Int64) + years).cast(pl.String),
        (hour.str.head(4).cast(pl.Int64) + years).cast(pl.String) + hour.str.slice(4),
    )


def run(step: str, environment: dict[str, str]) -> tuple[float, int]:
    """Seconds and the most memory (bytes, resident) of a step as the pipeline starts it."""
    started = time.perf_counter()
    words = [sys.executable, "-m", f"pipelines.flights.data.{step}"]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *words], env=environment, cwd=REPO, check=True, stdout=subprocess.PIPE
    )
    return time.perf_counter() - started, int(done.stdout) * 1024


def run_all(folder: Path, landing: Path, last_month: str) -> dict[str, tuple[float, int]]:
    conf = FlightsConf.model_validate({**FlightsConf.from_file().model_dump(), "last_month": last_month})
    environment = {**os.environ, **BYTE_CODE, PARAMETER: conf.model_dump_json(), LANDING_VARIABLE: landing.as_uri()}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for artifact in ARTIFACTS:
        uri = (folder / artifact).as_uri()
        environment |= {input_variable(artifact): uri, output_variable(artifact): uri}
    return {step: run(step, environment) for step in STEPS}


@pytest.mark.nightly
@pytest.mark.data
@pytest.mark.timeout(1200)
def test_ten_times_the_data_take_no_more_than_twelve_times_as_long_and_fit_into_memory(
    landing: Path, tmp_path: Path
) -> None:
    nothing = tmp_path / "nothing delivered"
    run_all(tmp_path / "warm", nothing, "2013-12")
    one = run_all(tmp_path / "one", nothing, "2013-12")
    ten = run_all(tmp_path / "ten", landing, f"{2013 + TIMES - 1}-12")
    print(f"\n{'':10}{'1x s':>8}{'10x s':>8}{'ratio':>7}{'1x MiB':>8}{'10x MiB':>9}")
    for step in STEPS:
        (short, small), (long, large) = one[step], ten[step]
        print(f"{step:10}{short:8.2f}{long:8.2f}{long / short:7.1f}{small / 2**20:8.0f}{large / 2**20:9.0f}")
    ratio = sum(seconds for seconds, _ in ten.values()) / sum(seconds for seconds, _ in one.values())
    resident = max(size for _, size in ten.values())
    print(f"10 times the data: {ratio:.1f} times the time (limit {RATIO_MAX:g}), "
          f"{resident / 2**30:.2f} GiB resident at most (limit {RESIDENT_BYTES_MAX / 2**30:g})")  # fmt: skip
    rows = sum(
        pl.scan_parquet(tmp_path / "ten" / "raw" / "flights" / "*.parquet").select(pl.len()).collect().to_series()
    )
    assert rows == TIMES * 336_776
    assert len(list((tmp_path / "ten" / "features").glob("*.parquet"))) == TIMES * 12
    assert ratio <= RATIO_MAX
    assert resident <= RESIDENT_BYTES_MAX
