"""The app beside its peers, with the same trained model on the same machine.

`.highway/venv/bin/pytest -m nightly tests/benchmarks/test_app.py -s`. Peers are `mlflow models serve` and a bare ASGI
handler around ONNX Runtime. Rounds alternate, so that a machine that is busy for a while is busy for all; medians of
ratios count.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from reference_app.model import Model, load_model

from infra.contracts.bundle import fetch
from pipelines.flights.columns import FEATURES, SCHEDULE
from pipelines.flights.conf import FlightsConf
from pipelines.flights.data.features import build, known_weather
from pipelines.flights.data.frames import read_frame
from pipelines.flights.model.learner import from_bytes, late_probability
from tests.support.app_process import RunningApp, running_app
from tests.support.load import closed_loop, open_loop
from tests.support.passenger import WEATHER, request
from tests.support.service import module, running
from tests.support.training import trained

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(900)]

ROUNDS, SECONDS, CLIENTS = 5, 2.0, 64
MEBIBYTE = 1024 * 1024
HOLDOUT = "2013-09"
SAVE = (
    "import joblib, mlflow, sys; mlflow.sklearn.save_model(joblib.load(sys.argv[1]), sys.argv[2], "
    "pyfunc_predict_fn='predict_proba', serialization_format='cloudpickle')"
)


@dataclass(frozen=True)
class Trial:
    """A trained model with one flight, as the app takes it and as the features that the peers take."""

    folder: Path
    model: Model
    flight: bytes
    features: dict[str, Any]
    bundle: dict[str, bytes]
    month: tuple[list[bytes], "np.ndarray[Any, Any]"]

    @property
    def variables(self) -> dict[str, str]:
        return {
            "BUNDLES": (self.folder / "bundles").as_uri(),
            "MODEL_DIGEST": self.model.digest,
            "MODEL_VERSION": self.model.version,
            "APP_VERSION": "benchmark",
        }


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    with trained(tmp_path_factory.mktemp("training")) as training:
        result, conf = training.run.result, FlightsConf.from_file()
        assert result
        assert result.digest
        assert result.version
        bundles = training.folder / "bundles"
        model = load_model(bundles, result.digest, result.version)
        raw = training.artifact("raw")
        schedule = read_frame(raw, f"flights/{HOLDOUT}.parquet", list(SCHEDULE))
        weather = known_weather(read_frame(raw, f"weather/{HOLDOUT}.parquet"), conf.wind_speed_mph_max)
        facts = build(schedule, weather, conf.weather_age_hours_max).to_pandas()
        files = fetch(bundles, result.digest)
    # The app refuses a route that it does not know, takes one distance for each, and assumes missing weather.
    miles = (facts["origin"] + "-" + facts["destination"]).map(model.card.distance_miles)
    answerable = (miles == facts["distance_miles"]) & facts[list(WEATHER)].notna().all(axis="columns")
    rows = schedule.to_pandas()[answerable].to_dict("records")
    facts = facts[answerable]
    known = facts.to_dict("records")
    requests = [request(scheduled, each) for scheduled, each in zip(rows, known, strict=True)]
    expected = late_probability(from_bytes(files["model.joblib"]), facts)
    features = {name: known[0][name] for name in FEATURES}
    return Trial(training.folder, model, requests[0], features, files, (requests, expected))


@pytest.fixture
def app(trial: Trial, tmp_path: Path) -> Iterator[RunningApp]:
    with running_app(trial.variables, tmp_path) as running_now:
        assert trial.model.path == "onnx"
        yield running_now


def _at_least(what: str, measured: float, limit: float) -> None:
    print(f"\n{what}: {measured:.2f}, at least {limit:g} is promised")
    assert measured >= limit


def _at_most(what: str, measured: float, limit: float, unit: str) -> None:
    print(f"\n{what}: {measured:.2f} {unit}, {measured / limit:.2f} of the limit of {limit:g} {unit}")
    assert measured <= limit


def _goodput(url: str, body: bytes) -> float:
    load = closed_loop(url, body, clients=CLIENTS, seconds=SECONDS)
    assert set(load.statuses) == {"200"}, load.statuses
    return load.goodput


def test_throughput_beside_a_bare_handler(app: RunningApp, trial: Trial, tmp_path: Path):
    variables = {"BUNDLES": str(trial.folder / "bundles"), "MODEL_DIGEST": trial.model.digest}
    features = json.dumps(trial.features, default=str).encode()
    ratios = []
    with running(module("tests.support.bare_app"), log=tmp_path / "bare.log", environment=variables) as bare:
        for _ in range(ROUNDS):
            theirs, ours = _goodput(f"{bare.url}/", features), _goodput(f"{app.url}/predict", trial.flight)
            print(f"\nbare handler {theirs:.0f}/s, app {ours:.0f}/s")
            ratios.append(ours / theirs)
    _at_least("throughput, of a bare handler's", statistics.median(ratios), 0.6)


def test_throughput_beside_mlflow(app: RunningApp, trial: Trial, tmp_path: Path):
    pickled, saved = tmp_path / "model.joblib", tmp_path / "mlflow-model"
    pickled.write_bytes(trial.bundle["model.joblib"])
    home = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}"}
    subprocess.run(
        [sys.executable, "-c", SAVE, pickled, saved], check=True, capture_output=True, env=home, cwd=tmp_path
    )
    frame = {"columns": list(trial.features), "data": [list(trial.features.values())]}
    rows = json.dumps({"dataframe_split": frame}, default=str).encode()
    command = [*module("mlflow"), "models", "serve", "-m", str(saved), "--env-manager", "local", "-p", "{port}"]
    # It starts uvicorn by name.
    found = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with running(command, log=tmp_path / "mlflow.log", environment=found, ready_path="/ping") as mlflow:
        _goodput(f"{mlflow.url}/invocations", rows)
        ratios = []
        for _ in range(3):
            theirs, ours = _goodput(f"{mlflow.url}/invocations", rows), _goodput(f"{app.url}/predict", trial.flight)
            print(f"\nmlflow models serve {theirs:.0f}/s, app {ours:.0f}/s")
            ratios.append(ours / theirs)
    _at_least("throughput, of mlflow models serve's", statistics.median(ratios), 10)


def test_latency_at_one_client(app: RunningApp, trial: Trial):
    loads = [closed_loop(f"{app.url}/predict", trial.flight, clients=1, seconds=SECONDS) for _ in range(ROUNDS)]
    assert all(set(load.statuses) == {"200"} for load in loads)
    p50, p99 = (statistics.median(load.quantile(share) for load in loads) * 1000 for share in (0.5, 0.99))
    print(f"\np50 {p50:.2f} ms")
    _at_most("p99 at one client", p99, 1, "ms")


def test_twice_the_load_it_can_hold(app: RunningApp, trial: Trial):
    """What it can hold is the most that it serves at any load: asked by clients that wait, or by a crowd."""
    url, kept = f"{app.url}/predict", []
    for _ in range(3):
        waiting = max(closed_loop(url, trial.flight, clients=clients, seconds=SECONDS).goodput for clients in (16, 64))
        crowds = [open_loop(url, trial.flight, rate=share * waiting, seconds=SECONDS) for share in (0.9, 1, 1.1, 1.3)]
        peak = max(waiting, *(crowd.goodput for crowd in crowds))
        twice = open_loop(url, trial.flight, rate=2 * peak, seconds=SECONDS)
        assert set(twice.statuses) - {"lost"} == {"200", "503"}
        assert twice.statuses.get("lost", 0) <= twice.sent / 1000
        assert twice.has_retry_after
        refused = statistics.median(twice.refusals) * 1000
        print(
            f"\npeak {peak:.0f}/s; at {twice.sent / twice.seconds:.0f}/s {twice.goodput:.0f}/s are served, "
            f"p99 {twice.quantile(0.99) * 1000:.1f} ms, and the rest refused in {refused:.1f} ms"
        )
        kept.append(twice.goodput / peak)
    _at_least("served at twice the load it can hold, of its peak", statistics.median(kept), 0.95)


def test_parity_on_a_month(app: RunningApp, trial: Trial):
    requests, expected = trial.month
    connection = HTTPConnection("127.0.0.1", app.port)
    answers = []
    for body in requests:
        connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        assert answer["assumed"] == []
        answers.append(answer["probability_late"])
    connection.close()
    difference = float(np.abs(np.array(answers) - expected).max())
    print(f"\n{len(answers)} flights over HTTP: at most {difference:.1e} from scikit-learn")
    assert len(answers) >= 20_000
    assert difference < 1e-5


def test_start_and_memory(trial: Trial, tmp_path: Path):
    seconds, sizes = [], []
    for _ in range(ROUNDS):
        with running_app(trial.variables, tmp_path) as app:
            seconds.append(app.seconds_to_ready)
            _goodput(f"{app.url}/predict", trial.flight)
            sizes.append(psutil.Process(app.process.pid).memory_full_info().pss / MEBIBYTE)
    _at_most("start to ready", statistics.median(seconds), 2, "s")
    _at_most("memory (PSS) after a load", max(sizes), 250, "MiB")
