"""Evaluate: judge the model on the month after its training window, beside baselines and the champion."""

from typing import Any

import numpy as np
import pandas as pd

from pipelines import step
from pipelines.flights.columns import LABEL
from pipelines.flights.conf import FlightsConf
from pipelines.flights.dataset import read_dataset
from pipelines.flights.model.champion import CHAMPION_FILE
from pipelines.flights.model.evaluation import Judged
from pipelines.flights.model.files import BASELINE_FILE, MODEL_FILE, ONNX_FILE, PARITY_FILE
from pipelines.flights.model.gates import GatesConf
from pipelines.flights.model.learner import from_bytes, late_probability
from pipelines.flights.model.metrics import DIGITS
from pipelines.flights.model.names import ALWAYS_AVERAGE, CANDIDATE, CHAMPION, LOGISTIC_REGRESSION
from pipelines.flights.model.onnx_model import OnnxModel
from pipelines.flights.model.parity import as_json, sample


def by_month(shares: dict[str, dict[str, float]], conf: FlightsConf) -> list[dict[str, str | float]]:
    """Flights and late share of each month, with what the month is used for."""
    training = set(conf.training_months())
    uses = {month: "training" if month in training else "not used" for month in shares} | {
        conf.holdout_month: "held out"
    }
    return [
        {"month": month, "use": uses[month], "rows": facts["rows"], "late_share": facts["late_share"]}
        for month, facts in sorted(shares.items())
    ]


def print_table(months: list[dict[str, str | float]], judged: dict[str, Any]) -> None:
    for row in months:
        print(f"{row['month']}  {row['rows']:>7,} flights  {row['late_share']:6.1%} late  {row['use']}")
    print(f"{'':20}{'AUC':>8}{'Brier':>9}{'log loss':>10}{'calibration':>13}")
    for name, each in judged["models"].items():
        auc, brier, log_loss, calibration = (
            each["metrics"][metric]["value"] for metric in ("auc", "brier", "log_loss", "calibration_error")
        )
        print(f"{name:20}{auc:8.4f}{brier:9.5f}{log_loss:10.4f}{calibration:13.4f}")


def main() -> None:
    conf, gates = FlightsConf.from_environment(), GatesConf.from_environment()
    features, model, champion = (step.read_from(name) for name in ("features", "model", "champion"))
    training, summary = model.read_json("training.json"), features.read_json("summary.json")
    held_out = read_dataset(features, step.read_from("labels"), [conf.holdout_month], also=("day",))
    late = held_out[LABEL]

    candidate = from_bytes(model.read_bytes(MODEL_FILE))
    probability = late_probability(candidate, held_out)
    probabilities = {
        CANDIDATE: probability,
        # The training window's share of late flights, for every flight.
        ALWAYS_AVERAGE: np.full(len(held_out), training["late_share"]),
        LOGISTIC_REGRESSION: late_probability(from_bytes(model.read_bytes(BASELINE_FILE)), held_out),
    }
    known_champion = champion.read_json(CHAMPION_FILE)
    if known_champion["version"] is not None:
        probabilities[CHAMPION] = late_probability(from_bytes(champion.read_bytes(MODEL_FILE)), held_out)

    judged = Judged(held_out, probabilities).as_json(gates.evaluation)
    months = by_month(summary["months"], conf)
    print_table(months, judged)
    print(f"predicted {probability.mean():.1%} late in {conf.holdout_month}, {late.mean():.1%} were")

    onnx = OnnxModel(model.read_bytes(ONNX_FILE), training["features"], training["categorical"])
    difference = float(np.abs(onnx.late_probability(held_out) - probability).max())
    print(f"ONNX and scikit-learn differ by {difference:.1e} at most on {len(held_out):,} rows")
    metrics = {name: each["value"] for name, each in judged["models"][CANDIDATE]["metrics"].items()}
    evaluation = {
        "holdout": {
            "month": conf.holdout_month,
            "rows": len(held_out),
            "late_share": float(late.mean()),
            **metrics,
        },
        "predicted_share": round(float(probability.mean()), DIGITS),
        "champion": known_champion,
        "parity": {"rows": len(held_out), "max_difference": difference},
        "months": months,
        "rows_in": summary["rows_in"],
        "excluded": summary["excluded"],
        **judged,
    }
    output = step.write_to("evaluation")
    output.write_json("evaluation.json", evaluation)
    rows: pd.DataFrame = sample(held_out)
    output.write_json(PARITY_FILE, as_json(rows, late_probability(candidate, rows)))


if __name__ == "__main__":
    step.run(main)
