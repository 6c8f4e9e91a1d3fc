"""Champion: the model that the candidate must not be worse than, from the registry.

It is the newest version that a run of a pipeline registered and whose model is another one than the candidate, so that
a run over the same inputs finds the same champion after its own model was registered. What somebody entered by hand
went through no gate and is no measure. MLflow takes seconds to import, and this runs every time: the registry is asked
over its REST interface.
"""

import base64
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from infra.contracts.bundle import BundleError, fetch
from infra.contracts.errors import HighwayError
from infra.contracts.names import OPERATOR
from pipelines import step
from pipelines.flights.columns import FEATURES
from pipelines.flights.conf import FlightsConf
from pipelines.flights.model.bundle_store import bundle_store
from pipelines.flights.model.files import CARD_FILE, MODEL_FILE
from pipelines.flights.model.tags import DIGEST_TAG, RUN_TAG
from pipelines.flights.variables import PASSWORD_FILE_VARIABLE, REGISTRY_VARIABLE

CHAMPION_FILE = "champion.json"
TIMEOUT_SECONDS = 10
PAGE = 100


class RegistryError(HighwayError):
    """The registry does not answer, or not as MLflow does."""


def versions(url: str, model: str, password: str) -> Iterator[tuple[str, str]]:
    """Version and bundle digest of those that a run registered, the newest first."""
    token = ""
    while True:
        asked = {"filter": f"name='{model}'", "max_results": PAGE, "order_by": "version_number DESC"}
        found = _get(url, f"model-versions/search?{urllib.parse.urlencode(asked | {'page_token': token})}", password)
        for each in found.get("model_versions", []):
            tags = {tag["key"]: tag["value"] for tag in each.get("tags", [])}
            if DIGEST_TAG in tags and RUN_TAG in tags:
                yield str(each["version"]), tags[DIGEST_TAG]
        token = found.get("next_page_token", "")
        if not token:
            return


def _get(url: str, path: str, password: str) -> dict[str, Any]:
    basic = base64.b64encode(f"{OPERATOR}:{password}".encode()).decode()
    request = urllib.request.Request(f"{url}/api/2.0/mlflow/{path}", headers={"Authorization": f"Basic {basic}"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise RegistryError(f"the model registry at {url} refused or does not answer: {error}") from error


def why_not(card: dict[str, Any], holdout_month: str) -> str | None:
    """What keeps a model from being compared on the held-out month, None when nothing does."""
    if card["features"] != list(FEATURES):
        return "takes other features"
    if card["sklearn"] != installed("scikit-learn"):
        return f"was made with scikit-learn {card['sklearn']}"
    if card["training"]["last_month"] >= holdout_month:
        return f"has seen {holdout_month}"
    return None


def main() -> None:
    conf = FlightsConf.from_environment()
    candidate = step.read_from("model").read_bytes(MODEL_FILE)
    store, output = bundle_store(), step.write_to("champion")
    password = Path(step.variable(PASSWORD_FILE_VARIABLE)).read_text().strip()
    for version, digest in versions(step.variable(REGISTRY_VARIABLE), conf.model, password):
        try:
            files = fetch(store, digest)
        except BundleError as error:
            print(f"version {version} is no champion: {error}")
            continue
        if files[MODEL_FILE] == candidate:
            print(f"version {version} is the candidate itself")
            continue
        if reason := why_not(json.loads(files[CARD_FILE]), conf.holdout_month):
            print(f"version {version} is no champion: it {reason}")
            continue
        output.write_bytes(MODEL_FILE, files[MODEL_FILE])
        output.write_json(CHAMPION_FILE, {"version": version, "digest": digest})
        print(f"the champion is version {version}, {digest}")
        return
    output.write_json(CHAMPION_FILE, {"version": None})
    print("there is no champion yet")


if __name__ == "__main__":
    step.run(main)
