"""A model is released that does not know one carrier, as happens where an encoder was fitted on too few rows."""

import io
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import httpx2
import joblib
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

from infra.contracts.bundle import fetch, publish
from infra.contracts.names import OPERATOR, OPERATOR_SECRET
from tests.support.drill import Drill
from tests.support.live import Highway

SECONDS_BETWEEN_REQUESTS = 0.1
CODES = ("carrier", "origin", "destination")


@contextmanager
def broken_model_released(highway: Highway) -> Iterator[Mapping[str, str]]:
    status = highway.status()
    trained, platform = status["training"], status["platform"]
    files = fetch(highway.home.bundles, trained["digest"])
    card = json.loads(files["model.json"])
    carrier = next(code for code in card["categorical"]["carrier"] if code != card["reference"]["carrier"])
    # Without the exported model, which knows the carrier, the app serves this one.
    digest = publish(
        highway.home.bundles, {"model.json": files["model.json"], "model.joblib": _model_without(carrier, card)}
    )
    broken = _register(highway, platform["registry"]["tracking_url"], trained["model"], trained["version"], digest)
    stop = threading.Event()
    users = threading.Thread(target=_ask, args=(platform["cluster"]["gateway_url"], _flight(carrier, card), stop))
    users.start()
    try:
        highway.run("release", "--model-version", broken)
        yield {"GOOD_MODEL_VERSION": trained["version"]}
    finally:
        stop.set()
        users.join()
        highway.run("release", "--model-version", trained["version"])


def _model_without(carrier: str, card: Mapping[str, Any]) -> bytes:
    """It answers for the typical flight, so nothing refuses it before real flights come."""
    known = {code: [value for value in card["categorical"][code] if value != carrier] for code in CODES}
    count = max(map(len, known.values()))
    rows = pd.DataFrame([card["reference"]] * count)[card["features"]]
    for code, values in known.items():
        rows[code] = [values[index % len(values)] for index in range(count)]
    encoder = ColumnTransformer([("codes", OrdinalEncoder(handle_unknown="error"), list(CODES))])
    model = Pipeline([("encoder", encoder), ("classifier", DummyClassifier())])
    model.fit(rows, [index % 2 for index in range(count)])
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    return buffer.getvalue()


def _register(highway: Highway, url: str, model: str, version: str, digest: str) -> str:
    """A further version beside the good one; returns its number."""
    password = highway.home.secret(OPERATOR_SECRET).read_text().strip()
    with httpx2.Client(base_url=f"{url}/api/2.0/mlflow/model-versions", auth=(OPERATOR, password)) as client:
        good = client.get("/get", params={"name": model, "version": version}).raise_for_status().json()["model_version"]
        wanted = {"name": model, "source": good["source"], "run_id": good["run_id"],
                  "tags": [{"key": "digest", "value": digest}]}  # fmt: skip
        created = client.post("/create", json=wanted).raise_for_status()
        return str(created.json()["model_version"]["version"])


def _flight(carrier: str, card: Mapping[str, Any]) -> dict[str, str]:
    origin, _, destination = next(iter(card["distance_miles"])).partition("-")
    return {"date": "2013-09-16", "scheduled_departure": "10:00", "scheduled_arrival": "12:30", "carrier": carrier,
            "origin": origin, "destination": destination}  # fmt: skip


def _ask(gateway_url: str, flight: Mapping[str, str], stop: threading.Event) -> None:
    with httpx2.Client() as client:
        while not stop.wait(SECONDS_BETWEEN_REQUESTS):
            # Whatever the answer is: the drill looks at what monitoring makes of it.
            with suppress(httpx2.TransportError):
                client.post(f"{gateway_url}/predict", json=flight)


DRILL = Drill(fault=broken_model_released, labels={}, mitigation=("roll-back",), refusal="ratio")
