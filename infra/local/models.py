"""What the registry knows of a model version, over MLflow's REST interface: importing MLflow takes seconds."""

import json
import urllib.error
import urllib.parse
import urllib.request

from infra.contracts.errors import HighwayError
from infra.contracts.outputs import RegistryOutputs
from infra.local.home import Home
from infra.local.secrets import basic_authorization

DIGEST_TAG = "digest"
TIMEOUT_SECONDS = 10


def bundle_digest(home: Home, registry: RegistryOutputs, model: str, version: str) -> str:
    """The digest of the bundle of `model` `version`. Raises `HighwayError` when the registry has none."""
    query = urllib.parse.urlencode({"name": model, "version": version})
    request = urllib.request.Request(
        f"{registry.tracking_url}/api/2.0/mlflow/model-versions/get?{query}",
        headers={"Authorization": basic_authorization(home)},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            tags = json.load(response)["model_version"].get("tags", [])
    except urllib.error.HTTPError as error:
        raise HighwayError(
            f"the registry has no {model} version {version} ({error.code}); see {registry.tracking_url}"
        ) from error
    except OSError as error:
        raise HighwayError(f"the registry does not answer ({error}); see `highway status`") from error
    digests = [tag["value"] for tag in tags if tag["key"] == DIGEST_TAG]
    if not digests:
        raise HighwayError(f"{model} version {version} has no tag {DIGEST_TAG!r}, so it cannot be verified; train anew")
    return str(digests[0])
