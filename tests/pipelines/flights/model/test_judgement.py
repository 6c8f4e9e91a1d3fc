"""A worse model meets the champion: the real steps, from the registry to the verdict."""

from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from infra.contracts.bundle import fetch, publish
from infra.contracts.pipelines import input_variable, output_variable
from pipelines.flights.columns import FEATURES
from pipelines.flights.conf import PARAMETER, FlightsConf
from pipelines.flights.dataset import read_dataset
from pipelines.flights.model import champion, evaluate, gate, train
from pipelines.flights.model.learner import from_bytes, late_probability
from pipelines.flights.model.onnx_model import OnnxModel
from pipelines.flights.variables import BUNDLES_VARIABLE, PASSWORD_FILE_VARIABLE, REGISTRY_VARIABLE
from pipelines.storage import Folder
from tests.support.training import PASSWORD, Trained

pytestmark = pytest.mark.model


class Bench:
    """Runs steps in this process on the training's artifacts, or on those that it made itself."""

    def __init__(self, training: Trained, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._training, self._folder, self._set = training, folder, monkeypatch.setenv
        self._set(REGISTRY_VARIABLE, training.registry_url)
        self._set(BUNDLES_VARIABLE, (training.folder / "bundles").as_uri())
        for name, value in training.environment.items():
            self._set(name, value)

    def give(self, name: str, value: str) -> None:
        self._set(name, value)

    def run(self, step: Any, inputs: tuple[str, ...], output: str) -> Folder:
        for name in inputs:
            own = self._folder / name
            self._set(input_variable(name), own.as_uri() if own.exists() else self._training.uri(name))
        made = self._folder / output
        made.mkdir(exist_ok=True)
        self._set(output_variable(output), made.as_uri())
        with threadpool_limits(1):  # threads that wait for each other would spin: the steps' processes are told not to
            step.main()
        return Folder.at(made.as_uri())

    def take(self, name: str, files: dict[str, bytes]) -> None:
        """As the artifact `name`, instead of the training's."""
        for file, content in files.items():
            (self._folder / name).mkdir(exist_ok=True)
            (self._folder / name / file).write_bytes(content)


def worse() -> FlightsConf:
    """Learns from the first month only, by few trees."""
    full = FlightsConf.from_file()
    learner = full.learner.model_copy(update={"iterations": 5, "threads": 1})
    return full.model_copy(update={"train_last_month": "2013-01", "learner": learner})


@pytest.fixture
def bench(training: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(training, tmp_path, monkeypatch)


def test_the_first_model_has_no_champion_and_is_its_own_in_no_later_run(training: Trained, bench: Bench) -> None:
    assert training.artifact("champion").read_json("champion.json") == {"version": None}
    assert bench.run(champion, ("model",), "champion").read_json("champion.json") == {"version": None}


def test_what_was_registered_by_hand_is_no_champion(training: Trained, bench: Bench) -> None:
    """It is newer and another model, but no run let it through its gates."""
    result, store = training.run.result, training.folder / "bundles"
    assert result
    assert result.digest
    good = fetch(store, result.digest)
    digest = publish(store, good | {"model.joblib": good["model.joblib"] + b" "})
    url = f"{training.registry_url}/api/2.0/mlflow/model-versions"
    with httpx2.Client(base_url=url, auth=("highway", PASSWORD), trust_env=False) as client:
        known = client.get("/get", params={"name": "flight-delay", "version": result.version}).json()["model_version"]
        wanted = {name: known[name] for name in ("name", "source", "run_id")}
        wanted["tags"] = [{"key": "digest", "value": digest}]
        made = client.post("/create", json=wanted).raise_for_status().json()["model_version"]
        try:
            assert bench.run(champion, ("model",), "champion").read_json("champion.json") == {"version": None}
        finally:
            gone = {"name": "flight-delay", "version": made["version"]}
            client.request("DELETE", "/delete", json=gone).raise_for_status()


def test_a_worse_model_is_refused_by_name_of_the_gates_and_nothing_is_registered(
    training: Trained, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.give(PARAMETER, worse().model_dump_json())
    bench.run(train, ("features", "labels"), "model")
    found = bench.run(champion, ("model",), "champion")
    result = training.run.result
    assert result
    assert found.read_json("champion.json") == {"version": result.version, "digest": result.digest}
    assert found.read_bytes("model.joblib") == training.artifact("model").read_bytes("model.joblib")

    made = bench.run(evaluate, ("features", "labels", "model", "champion"), "evaluation")
    difference = made.read_json("evaluation.json")["differences"]["champion"]["auc"]
    assert difference["high"] < 0, "the champion is better with certainty"
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        bench.run(gate, ("model", "evaluation"), "verdict")
    assert ended.value.code == 1
    *broken, last = capsys.readouterr().err.splitlines()
    assert {line.partition(" ")[0] for line in broken} >= {"gate.discrimination", "gate.champion-slices"}
    assert last.startswith(f"{len(broken)} of 9 gates are broken: nothing is registered")


def test_a_model_that_was_exported_from_another_is_refused(
    training: Trained, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    """The pickle is the trained one; the ONNX file beside it is of a learner with fewer trees."""
    real = training.artifact("model")
    bench.give(PARAMETER, worse().model_dump_json())
    other = bench.run(train, ("features", "labels"), "model")
    bench.take("model", {"model.joblib": real.read_bytes("model.joblib")})
    bench.take(
        "model", {"training.json": real.read_bytes("training.json"), "model.onnx": other.read_bytes("model.onnx")}
    )
    bench.run(evaluate, ("features", "labels", "model", "champion"), "evaluation")
    with pytest.raises(SystemExit):
        bench.run(gate, ("model", "evaluation"), "verdict")
    assert "gate.parity is broken: ONNX and scikit-learn differ by" in capsys.readouterr().err


def test_the_exported_model_answers_as_the_fitted_one_on_every_row_of_the_month(training: Trained) -> None:
    model, told = training.artifact("model"), training.artifact("evaluation").read_json("evaluation.json")["parity"]
    held_out = read_dataset(training.artifact("features"), training.artifact("labels"), ["2013-09"])
    card = model.read_json("training.json")
    onnx = OnnxModel(model.read_bytes("model.onnx"), card["features"], card["categorical"])
    expected = late_probability(from_bytes(model.read_bytes("model.joblib")), held_out)
    difference = float(np.abs(onnx.late_probability(held_out) - expected).max())
    assert held_out.isna().any(axis=None)
    assert len(held_out) == told["rows"] == 27_010
    assert difference == told["max_difference"] < 1e-5


def test_the_rows_for_the_app_hold_missing_values_and_unknown_codes(training: Trained) -> None:
    parity = training.artifact("evaluation").read_json("parity.json")
    assert parity["tolerance"] == 1e-5
    assert len(parity["rows"]) == len(parity["probabilities"]) >= 64
    columns = dict(zip(FEATURES, zip(*parity["rows"], strict=True), strict=True))
    for name, values in columns.items():
        assert ("??" if name in ("carrier", "origin", "destination") else None) in values, name
    assert all(0 < probability < 1 for probability in parity["probabilities"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"features": ["month"]}, "takes other features"),
        ({"sklearn": "1.0"}, "was made with scikit-learn 1.0"),
        ({"training": {"last_month": "2013-09"}}, "has seen 2013-09"),
    ],
    ids=str,
)
def test_only_what_can_be_compared_is_a_champion(training: Trained, change: dict[str, Any], reason: str | None) -> None:
    card = training.artifact("model").read_json("training.json")
    assert champion.why_not({**card, **change}, "2013-09") == reason


def test_a_registry_that_does_not_answer_is_one_line(bench: Bench) -> None:
    bench.give(REGISTRY_VARIABLE, "http://127.0.0.1:9")
    with pytest.raises(champion.RegistryError, match=r"^the model registry at http://127.0.0.1:9 refused or does not"):
        bench.run(champion, ("model",), "champion")


def test_a_wrong_password_is_one_line(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("wrong")
    bench.give(PASSWORD_FILE_VARIABLE, str(tmp_path / "password"))
    with pytest.raises(champion.RegistryError, match="401"):
        bench.run(champion, ("model",), "champion")
