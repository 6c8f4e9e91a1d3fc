"""A small real model in the bundle format that the pipelines register, so that the app's tests need no pipeline."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import sklearn
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

from infra.contracts.bundle import publish
from pipelines.flights.model.onnx_export import to_onnx

CODES = {
    "carrier": ["9E", "AA", "B6", "DL", "EV", "UA", "WN"],
    "origin": ["EWR", "JFK", "LGA"],
    "destination": ["ATL", "BOS", "LAX", "MIA", "ORD", "SFO", "SJU"],
}
DISTANCES = {"ATL": 760.0, "BOS": 187.0, "LAX": 2475.0, "MIA": 1089.0, "ORD": 733.0, "SFO": 2586.0, "SJU": 1598.0}
ROWS, SEED = 3000, 13


@dataclass(frozen=True)
class PublishedModel:
    """`pipeline` is the very object whose pickle is in the bundle; `flights` are its training rows."""

    store: Path
    digest: str
    card: Mapping[str, Any]
    pipeline: Pipeline
    flights: pd.DataFrame


def flights(rows: int = ROWS, seed: int = SEED) -> pd.DataFrame:
    """Random flights with a real schedule's shape; late in the evening, in winter and in the rain."""
    random = np.random.default_rng(seed)
    destination = random.choice(CODES["destination"], rows)
    return pd.DataFrame(
        {
            "month": random.integers(1, 13, rows),
            "day_of_week": random.integers(1, 8, rows),
            "scheduled_departure_minute": random.integers(300, 1439, rows),
            "scheduled_arrival_minute": random.integers(0, 1440, rows),
            "carrier": random.choice(CODES["carrier"], rows),
            "origin": random.choice(CODES["origin"], rows),
            "destination": destination,
            "distance_miles": [DISTANCES[code] for code in destination],
            "temperature_f": random.normal(55, 15, rows).round(1),
            "dew_point_f": random.normal(40, 15, rows).round(1),
            "humidity_percent": random.uniform(20, 100, rows).round(1),
            "wind_speed_mph": random.gamma(3, 4, rows).round(1),
            "precipitation_inches": np.where(random.random(rows) < 0.1, random.exponential(0.1, rows).round(2), 0.0),
            "pressure_millibars": random.normal(1017, 7, rows).round(1),
            "visibility_miles": np.where(random.random(rows) < 0.15, random.uniform(0, 10, rows).round(2), 10.0),
        }
    )


def _late(rows: pd.DataFrame, seed: int = SEED) -> "pd.Series[int]":
    score = (
        -2.2
        + (rows["scheduled_departure_minute"] - 600) / 400
        + 8 * rows["precipitation_inches"]
        + 0.6 * rows["carrier"].isin(["EV", "B6"])
        + 0.5 * rows["month"].isin([6, 7, 12])
    )
    chance = np.random.default_rng(seed).random(len(rows))
    late: pd.Series[int] = (1 / (1 + np.exp(-score)) > chance).astype(int)
    return late


def trained() -> tuple[Pipeline, pd.DataFrame]:
    """In the shape of the pipeline's own: categories first, and what is unknown or missing is NaN."""
    rows = flights()
    encoder = OrdinalEncoder(categories=list(CODES.values()), handle_unknown="use_encoded_value", unknown_value=np.nan)
    learner = HistGradientBoostingClassifier(
        max_iter=40, max_leaf_nodes=15, random_state=SEED, categorical_features=list(range(len(CODES)))
    )
    columns = ColumnTransformer([("codes", encoder, list(CODES))], remainder="passthrough")
    return Pipeline([("columns", columns), ("learner", learner)]).fit(rows, _late(rows)), rows


def model_card(rows: pd.DataFrame) -> dict[str, Any]:
    typical = {
        name: rows[name].mode()[0] if name in CODES else float(rows[name].median()) for name in map(str, rows.columns)
    }
    return {
        "name": "flight-delay",
        "features": list(rows.columns),
        "categorical": CODES,
        "reference": {**typical, "month": 6, "day_of_week": 4},
        "distance_miles": {f"{origin}-{to}": DISTANCES[to] for origin in CODES["origin"] for to in DISTANCES},
        "training": {"first_month": "2013-01", "last_month": "2013-08", "rows": len(rows)},
        "holdout": {"month": "2013-09", "rows": 900, "auc": 0.71, "brier": 0.11, "late_share": 0.13},
        "lineage": {"commit": "0" * 40, "data_digest": "sha256:" + "0" * 64, "lock_digest": "sha256:" + "1" * 64},
        "sklearn": sklearn.__version__,
    }


def parity(pipeline: Pipeline, rows: int = 100) -> dict[str, Any]:
    """Rows with scikit-learn's answers; some miss a value or have a carrier that nobody knows."""
    frame = flights(rows, seed=SEED + 1)
    frame.loc[::3, "wind_speed_mph"] = np.nan
    frame.loc[::5, "carrier"] = "ZZ"
    values = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    return {"tolerance": 1e-5, "rows": values, "probabilities": pipeline.predict_proba(frame)[:, 1].tolist()}


def bundle_files(pipeline: object, card: Mapping[str, Any]) -> dict[str, bytes]:
    """As bundles were before they had an ONNX file: the app serves them with scikit-learn."""
    pickled = io.BytesIO()
    joblib.dump(pipeline, pickled)
    return {"model.joblib": pickled.getvalue(), "model.json": json.dumps(card).encode()}


def onnx_files(pipeline: Pipeline, card: Mapping[str, Any]) -> dict[str, bytes]:
    """What a bundle of today has beside them."""
    features = list(card["features"])
    columns = [*CODES, *(name for name in features if name not in CODES)]
    return {
        "model.onnx": to_onnx(pipeline["learner"], columns, features, CODES),
        "parity.json": json.dumps(parity(pipeline)).encode(),
    }


def publish_model(store: Path) -> PublishedModel:
    pipeline, rows = trained()
    card = model_card(rows)
    files = {**bundle_files(pipeline, card), **onnx_files(pipeline, card)}
    return PublishedModel(store, publish(store, files), card, pipeline, rows)
