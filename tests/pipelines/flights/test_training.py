"""The whole pipeline on all flights, held against a computation from the source that shares no code with it."""

import json
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pytest

from infra.contracts.bundle import fetch
from infra.operations.pipelines.report import StepStatus
from pipelines.flights.columns import FEATURES
from pipelines.flights.conf import FlightsConf
from pipelines.flights.model.data_card import data_card_text
from pipelines.flights.model.learner import from_bytes, late_probability
from tests.support.flights_source import Source
from tests.support.training import Trained, spec_for

MONTHS = range(1, 13)
SEPTEMBER = 9


@pytest.mark.data
def test_every_flight_of_the_source_is_in_exactly_one_partition(training: Trained, source: Source) -> None:
    raw = training.artifact("raw")
    tables = [raw.read_table(f"flights/{name}") for name in raw.names("flights")]
    assert raw.names("flights") == [f"2013-{month:02}.parquet" for month in MONTHS]
    assert [table.num_rows for table in tables] == [source.rows[month] for month in MONTHS]
    assert (min(source.rows.values()), max(source.rows.values())) == (24_951, 29_425)
    whole = pa.concat_tables(tables).select(["month", "day", "carrier", "flight", "origin"])
    keys = set(zip(*(column.to_pylist() for column in whole.columns), strict=True))
    assert (whole.num_rows, len(keys)) == (336_776, 336_776)
    assert keys == source.keys


@pytest.mark.data
def test_flights_without_an_arrival_delay_are_excluded_and_counted(training: Trained, source: Source) -> None:
    summary = training.artifact("features").read_json("summary.json")
    assert summary["excluded"] == {"cancelled": 8_255, "diverted": 717, "unknown": 458}
    assert sum(summary["excluded"].values()) == sum(source.without_delay.values()) == 9_430
    assert summary["rows"] + 9_430 == summary["rows_in"] == 336_776
    assert "excluded 9,430: 8,255 cancelled, 717 diverted, 458 unknown" in training.log("features")


@pytest.mark.data
@pytest.mark.parametrize("month", MONTHS)
def test_the_share_of_late_flights_is_that_of_the_source(training: Trained, source: Source, month: int) -> None:
    reported = training.artifact("evaluation").read_json("evaluation.json")["months"][month - 1]
    assert reported["month"] == f"2013-{month:02}"
    assert reported["rows"] == source.rows[month] - source.without_delay[month]
    assert reported["late_share"] == pytest.approx(source.late_share(month), abs=1e-12)


def mann_whitney_auc(late: np.ndarray, probability: np.ndarray) -> float:
    """The chance that a late flight was given a higher probability than one in time; a tie counts half."""
    in_time = np.sort(probability[~late])
    below = np.searchsorted(in_time, probability[late], side="left")
    not_above = np.searchsorted(in_time, probability[late], side="right")
    return float((below + not_above).sum() / 2 / (len(in_time) * late.sum()))


@pytest.mark.model
def test_auc_and_brier_score_are_those_of_the_published_model(training: Trained, source: Source) -> None:
    result = training.run.result
    assert result
    assert result.digest
    files = fetch(training.folder / "bundles", result.digest)
    frame = training.artifact("features").read_table("2013-09.parquet").to_pandas()
    keys = zip(frame["month"], frame["day"], frame["carrier"], frame["flight"], frame["origin"], strict=True)
    late = np.array([source.late[key] for key in keys])
    probability = late_probability(from_bytes(files["model.joblib"]), frame)
    assert len(late) == source.rows[SEPTEMBER] - source.without_delay[SEPTEMBER]
    assert result.metrics["auc"] == pytest.approx(mann_whitney_auc(late, probability), abs=1e-9)
    assert result.metrics["brier"] == pytest.approx(float(((probability - late) ** 2).mean()), abs=1e-9)
    assert result.metrics["auc"] > 0.71, "what this data is known to give on schedule and weather"


@pytest.mark.model
def test_the_baseline_is_the_average_of_the_training_window(training: Trained, source: Source) -> None:
    training_labels = [late for key, late in source.late.items() if key[0] < SEPTEMBER]
    average = sum(training_labels) / len(training_labels)
    september = [late for key, late in source.late.items() if key[0] == SEPTEMBER]
    evaluation = training.artifact("evaluation").read_json("evaluation.json")
    expected = sum((average - late) ** 2 for late in september) / len(september)
    average_model = evaluation["models"]["always_average"]["metrics"]
    assert average_model["brier"]["value"] == pytest.approx(expected, abs=1e-9)
    assert average_model["auc"] == {"value": 0.5, "low": 0.5, "high": 0.5}


def test_the_result_says_what_the_status_table_shows(training: Trained) -> None:
    result = training.run.result
    assert result
    assert (result.model, result.version, result.rows) == ("flight-delay", "1", 336_776)
    judged = {"auc", "brier", "log_loss", "calibration_error", "late_share"}
    assert set(result.metrics) == {*judged, "baseline_brier"}


@pytest.mark.model
def test_the_model_says_where_it_is_from_and_what_it_takes(training: Trained) -> None:
    result = training.run.result
    assert result
    assert result.digest
    files = fetch(training.folder / "bundles", result.digest)
    documents = {"model.json", "model_card.md", "data_card.md"}
    assert set(files) == {"model.joblib", "model.onnx", "parity.json", *documents}
    card = json.loads(files["model.json"])
    assert card["features"] == list(FEATURES)
    assert card["lineage"] == {
        "commit": "c0ffee",
        "data_digest": training.digest("raw"),
        "lock_digest": "sha256:lock",
    }
    assert card["training"] == {"first_month": "2013-01", "last_month": "2013-08", "rows": 217_727}
    assert (card["holdout"]["month"], card["holdout"]["rows"]) == ("2013-09", 27_010)
    assert len(card["categorical"]["carrier"]) == 16
    assert card["distance_miles"]["JFK-LAX"] == 2475
    assert set(card["reference"]) == set(FEATURES)


@pytest.mark.data
def test_the_data_card_names_the_months_that_were_left_out(training: Trained) -> None:
    evaluation = training.artifact("evaluation").read_json("evaluation.json")
    quality = training.artifact("quality").read_json("quality.json")
    card = {"features": [], "categorical": {}, "lineage": {"data_digest": "sha256:raw"}}
    assert "artifact `quality`: none\n" in data_card_text(FlightsConf.from_file(), evaluation, quality, card)
    for month in ("2013-11", "2013-12"):
        quality["partitions"][month]["verdict"] = "quarantined"
    text = data_card_text(FlightsConf.from_file(), evaluation, quality, card)
    assert "artifact `quality`: 2013-11, 2013-12\n" in text
    assert "| 2013-09 | 27,010 | 13.2% | held out |\n" in text
    assert "- 8,255 cancelled: never left\n" in text


@pytest.mark.data
def test_no_flight_was_given_weather_of_after_its_departure(training: Trained) -> None:
    features = training.artifact("features")
    unknown = 0
    for name in features.names(suffix=".parquet"):
        frame = features.read_table(name, ["scheduled_departure_at", "weather_known_at"]).to_pandas()
        age = (frame["scheduled_departure_at"] - frame["weather_known_at"]).dropna()
        unknown += len(frame) - len(age)
        assert age.min().total_seconds() >= 0
        assert age.max().total_seconds() <= 6 * 3600
    assert unknown == 759, "the last two days of December have no weather at some hours"


def test_an_unchanged_training_runs_nothing(training: Trained) -> None:
    again = training.again(spec_for(training.folder, training.registry_url))
    assert again.is_unchanged
    assert again.result == training.run.result
    assert again.summary == "nothing changed: flight-delay version 1 is current"


def test_another_learner_trains_again_on_the_same_features(training: Trained) -> None:
    """As a plan: `train` is made to fail, so that this costs nothing."""
    spec = spec_for(training.folder, training.registry_url)
    steps = tuple(
        step.model_copy(update={"command": ("python", "-c", "raise SystemExit(1)")}) if step.name == "train" else step
        for step in spec.steps
    )
    run = training.again(spec.model_copy(update={"steps": steps}))
    assert [step.status for step in run.steps] == [
        *[StepStatus.CACHED] * 4,
        StepStatus.FAILED,
        *[StepStatus.BLOCKED] * 4,
    ]


def test_months_follow_each_other_without_a_gap() -> None:
    conf = FlightsConf.from_file()
    months = [conf.training_months()[-1], conf.holdout_month]
    assert all(later in conf.months() and earlier < later for earlier, later in pairwise(months))


def test_steps_take_their_places_from_uris(training: Trained) -> None:
    assert Path(urlsplit(training.uri("raw")).path).is_relative_to(training.folder / "storage" / "objects")
