"""`model.json`: what a model says about itself, for the app that serves it and for whoever asks where it is from."""

from typing import Any

from infra.contracts.workload import Strict


class Lineage(Strict):
    """Enough to make the same model again: the sources, the data and the environment."""

    commit: str
    data_digest: str
    lock_digest: str


def model_card(name: str, training: dict[str, Any], evaluation: dict[str, Any], lineage: Lineage) -> dict[str, Any]:
    """`training` and `evaluation` are what the steps of these names wrote."""
    holdout = ("month", "rows", "auc", "brier", "late_share")
    return {
        "name": name,
        "features": training["features"],
        "categorical": training["categorical"],
        "reference": training["reference"],
        "distance_miles": training["distance_miles"],
        "training": training["training"],
        "holdout": {key: evaluation["holdout"][key] for key in holdout},
        "lineage": lineage.model_dump(),
        "sklearn": training["sklearn"],
    }
