"""A run as its steps saw it, and what happens when it is not there any more."""

import dataclasses
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from infra.contracts.pipelines import DATA_VARIABLE
from pipelines import explore
from pipelines.flights.columns import FEATURES, KEY, LABEL
from pipelines.flights.dataset import read_dataset
from tests.support.training import Trained


@pytest.fixture
def run(training: Trained, monkeypatch: pytest.MonkeyPatch) -> explore.Run:
    monkeypatch.setenv(DATA_VARIABLE, (training.folder / "storage").as_uri())
    return explore.run(training.run.run_id)


def test_what_is_explored_is_what_the_steps_get(run: explore.Run, training: Trained) -> None:
    months = [run.conf.holdout_month]
    assert run.artifact("features") == training.artifact("features")
    expected = read_dataset(training.artifact("features"), training.artifact("labels"), months)
    pd.testing.assert_frame_equal(run.dataset(months), expected)
    assert run.metrics == (training.run.result.metrics if training.run.result else None)


def test_flights_have_all_features_and_their_label_in_the_order_of_the_data_set(run: explore.Run) -> None:
    months = [run.conf.holdout_month]
    flights, dataset = run.flights(months), run.dataset(months)
    assert {*KEY, *FEATURES, LABEL} <= set(flights.columns)
    assert flights[LABEL].to_list() == dataset[LABEL].to_list()
    assert flights["distance_miles"].to_list() == dataset["distance_miles"].to_list()


def test_an_artifact_that_was_altered_is_not_read(run: explore.Run, tmp_path: Path) -> None:
    """In a copy: a model that is not what its digest says is never loaded."""
    digest = run.record["outputs"]["train"]["model"].removeprefix("sha256:")
    shutil.copytree(run.storage / "objects" / digest, tmp_path / "objects" / digest)
    elsewhere = dataclasses.replace(run, storage=tmp_path)
    elsewhere.model()
    model = tmp_path / "objects" / digest / "model.joblib"
    model.chmod(0o600)
    model.write_bytes(model.read_bytes() + b".")
    with pytest.raises(explore.ExploreError, match=r"the model of run .* is gone or was altered"):
        elsewhere.model()


def test_the_latest_run_is_the_one_that_was_recorded_last(
    run: explore.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA_VARIABLE, tmp_path.as_uri())
    folder = tmp_path / "pipelines" / "train" / "runs"
    folder.mkdir(parents=True)
    for run_id, at in (("b", "2026-01-01T00:00:00Z"), ("a", "2026-01-02T00:00:00Z")):
        (folder / f"{run_id}.json").write_text(json.dumps({**run.record, "run_id": run_id, "recorded_at": at}))
    assert (explore.latest().run_id, explore.run("b").run_id) == ("a", "b")
    with pytest.raises(explore.ExploreError, match="no run 'c' is recorded; there are a, b"):
        explore.run("c")


def test_the_home_says_where_runs_are_when_the_environment_does_not(
    training: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    monkeypatch.setenv("HIGHWAY_HOME", str(tmp_path))
    with pytest.raises(explore.ExploreError, match="run `highway up`"):
        explore.latest()
    (tmp_path / "env").write_text(f"export {DATA_VARIABLE}='{(training.folder / 'storage').as_uri()}'\n")
    assert explore.latest().storage == training.folder / "storage"
