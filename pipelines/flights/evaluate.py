"""Evaluate: judge the model on the month after its training window, beside a baseline that knows no flight."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import brier_score_loss, roc_auc_score

from pipelines import step
from pipelines.flights.columns import LABEL
from pipelines.flights.conf import FlightsConf
from pipelines.flights.dataset import read_dataset
from pipelines.flights.model import from_bytes, late_probability


def scores(late: "pd.Series[bool]", probability: npt.NDArray[np.float64]) -> dict[str, float]:
    """AUC: 0.5 is chance, 1 is perfect. Brier: mean squared error of the probability, 0 is perfect."""
    return {
        "auc": float(roc_auc_score(late, probability)),
        "brier": float(brier_score_loss(late, probability)),
    }


def by_month(shares: dict[str, dict[str, float]], conf: FlightsConf) -> list[dict[str, str | float]]:
    """Flights and late share of each month, with what the month is used for."""
    training = set(conf.training_months())
    uses = {month: "training" if month in training else "later" for month in shares} | {conf.holdout_month: "held out"}
    return [
        {"month": month, "use": uses[month], "rows": facts["rows"], "late_share": facts["late_share"]}
        for month, facts in sorted(shares.items())
    ]


def main() -> None:
    conf = FlightsConf.from_environment()
    features, model = step.read_from("features"), step.read_from("model")
    training, summary = model.read_json("training.json"), features.read_json("summary.json")
    held_out = read_dataset(features, step.read_from("labels"), [conf.holdout_month])
    probability = late_probability(from_bytes(model.read_bytes("model.joblib")), held_out)
    measured = scores(held_out[LABEL], probability)
    # The baseline predicts the training window's share of late flights for every flight.
    baseline = scores(held_out[LABEL], np.full(len(held_out), training["late_share"]))

    table = by_month(summary["months"], conf)
    for row in table:
        print(f"{row['month']}  {row['rows']:>7,} flights  {row['late_share']:6.1%} late  {row['use']}")
    print(f"{'':10}{'AUC':>8}{'Brier':>9}")
    print(f"{'model':10}{measured['auc']:8.4f}{measured['brier']:9.5f}")
    print(f"{'baseline':10}{baseline['auc']:8.4f}{baseline['brier']:9.5f}")
    print(f"predicted {probability.mean():.1%} late in {conf.holdout_month}, {held_out[LABEL].mean():.1%} were")
    if measured["auc"] <= baseline["auc"] or measured["brier"] >= baseline["brier"]:
        step.fail("the model is no better than predicting the average for every flight; it is not registered")

    evaluation = {
        "holdout": {
            "month": conf.holdout_month,
            "rows": len(held_out),
            "late_share": float(held_out[LABEL].mean()),
            **measured,
        },
        "predicted_share": float(probability.mean()),
        "baseline": baseline,
        "months": table,
        "rows_in": summary["rows_in"],
        "excluded": summary["excluded"],
    }
    step.write_to("evaluation").write_json("evaluation.json", evaluation)


if __name__ == "__main__":
    step.run(main)
