"""Where the platform keeps bundles, as a step is told."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipelines import step
from pipelines.flights.variables import BUNDLES_VARIABLE


def bundle_store() -> Path:
    uri = step.variable(BUNDLES_VARIABLE)
    if urlsplit(uri).scheme != "file":
        step.fail(f"{BUNDLES_VARIABLE} is {uri!r}: bundles are published to a file:/// URI")
    return Path(unquote(urlsplit(uri).path))
