"""The model is the same to the byte wherever it is trained."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infra.contracts.pipelines import input_variable, output_variable
from pipelines.flights.columns import CATEGORICAL, FEATURES
from pipelines.flights.conf import PARAMETER, FlightsConf
from pipelines.flights.model.learner import from_bytes, late_probability
from pipelines.flights.pipeline import SLEEPING_THREADS
from tests.support.training import Trained

pytestmark = pytest.mark.model


@pytest.fixture
def conf() -> FlightsConf:
    """Two months, so that one calibrates, and few trees: enough to differ."""
    full = FlightsConf.from_file()
    learner = full.learner.model_copy(update={"iterations": 10})
    return full.model_copy(update={"train_last_month": "2013-02", "learner": learner})


def train(training: Trained, folder: Path, conf: FlightsConf, **environment: str) -> dict[str, bytes]:
    folder.mkdir()
    places = {
        input_variable("features"): training.uri("features"),
        input_variable("labels"): training.uri("labels"),
        output_variable("model"): folder.as_uri(),
        PARAMETER: conf.model_dump_json(),
    }
    command = [sys.executable, "-m", "pipelines.flights.model.train"]
    subprocess.run(command, env=os.environ | SLEEPING_THREADS | places | environment, check=True)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_data_and_configuration_give_the_same_bytes(
    training: Trained, tmp_path: Path, conf: FlightsConf
) -> None:
    environments = {
        "one": {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "2", "PYTHONHASHSEED": "1"},
        "two": {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "2"},
    }
    with ThreadPoolExecutor() as pool:
        made = [pool.submit(train, training, tmp_path / name, conf, **each) for name, each in environments.items()]
    one, two = (each.result() for each in made)
    assert set(one) == {"model.joblib", "model.onnx", "logistic_regression.joblib", "training.json"}
    assert [name for name in one if one[name] != two[name]] == []


def test_what_the_model_never_saw_counts_as_missing(training: Trained) -> None:
    model = from_bytes(training.artifact("model").read_bytes("model.joblib"))
    known = training.artifact("model").read_json("training.json")["reference"]
    strange = pd.DataFrame([known, known | dict.fromkeys(CATEGORICAL, "??"), known | {"temperature_f": np.nan}])
    probability = late_probability(model, strange)
    assert ((probability > 0) & (probability < 1)).all()


def test_the_order_of_a_callers_columns_does_not_matter(training: Trained) -> None:
    model = from_bytes(training.artifact("model").read_bytes("model.joblib"))
    frame = training.artifact("features").read_table("2013-09.parquet").to_pandas().head(1000)
    backwards = frame[list(reversed(FEATURES))]
    assert (late_probability(model, frame) == late_probability(model, backwards)).all()
