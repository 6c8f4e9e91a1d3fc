"""The pipeline as a value, its configuration, and what happens to a step outside of it."""

import importlib.util
import os
import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from infra.contracts.graph import producers
from infra.contracts.outputs import RegistryOutputs
from infra.contracts.workload import DataClassification
from pipelines.flights.conf import PARAMETER, FlightsConf, months_between
from pipelines.flights.pipeline import training_pipeline

REGISTRY = RegistryOutputs(
    tracking_url="http://127.0.0.1:5000",
    bundles_uri="file:///bundles",
    user="highway",
    password_secret="operator-password",
)
DATA_URI = "file:///data"


def test_steps_fit_together_and_each_is_a_module() -> None:
    spec = training_pipeline(FlightsConf.from_file(), REGISTRY, DATA_URI)
    data = {"manifest", "raw", "receipt", "quality", "features", "labels"}
    assert set(producers(spec)) == data | {"model", "champion", "evaluation", "verdict", "result"}
    for step in spec.steps:
        assert importlib.util.find_spec(step.command[-1]), step.command


def test_every_step_says_who_answers_for_it_and_what_it_may_use() -> None:
    spec = training_pipeline(FlightsConf.from_file(), REGISTRY, DATA_URI)
    for each in (spec, *spec.steps):
        assert (each.owner, each.data_classification) == ("ml-team", DataClassification.PUBLIC)
    assert all(step.timeout_seconds <= 600 and step.resources.memory_bytes <= 2**31 for step in spec.steps)


def test_the_configuration_reaches_the_steps_as_a_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    conf = FlightsConf.from_file().model_copy(update={"late_after_minutes": 30})
    monkeypatch.setenv(PARAMETER, training_pipeline(conf, REGISTRY, DATA_URI).parameters[PARAMETER])
    assert FlightsConf.from_environment() == conf


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"late_after": 15}, "late_after"),
        ({"holdout_month": "2013-08"}, "months must follow each other"),
        ({"train_first_month": "2012-12"}, "months must follow each other"),
        ({"first_month": "2013-13"}, "first_month"),
        ({"late_after_minutes": -1}, "late_after_minutes"),
    ],
)
def test_a_wrong_configuration_is_refused_by_its_key(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        FlightsConf.model_validate({**FlightsConf.from_file().model_dump(), **change})


def test_months_cross_the_year() -> None:
    assert months_between("2012-11", "2013-02") == ["2012-11", "2012-12", "2013-01", "2013-02"]


def test_a_step_outside_a_pipeline_says_how_to_start_it() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HIGHWAY_")}
    alone = subprocess.run(
        [sys.executable, "-m", "pipelines.flights.data.validate"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert alone.returncode == 1
    assert alone.stderr.splitlines() == [
        "HIGHWAY_INPUT_RAW is not set: a step runs as part of a pipeline; start it with `highway train`"
    ]
