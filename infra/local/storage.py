"""Where the runs of the pipelines are kept."""

import os

from infra.contracts.outputs import OUTPUT_NAME, PlatformOutputs
from infra.contracts.pipelines import DATA_VARIABLE
from infra.local.engine import PLATFORM, Engine
from infra.local.home import Home


def storage_uri(home: Home) -> str:
    """What the environment says, so that runs can be looked at where no platform stands; else what the platform
    promises. Raises `OutputsError`."""
    given = os.environ.get(DATA_VARIABLE)
    return given or PlatformOutputs.parse(Engine(home, PLATFORM).outputs().get(OUTPUT_NAME)).storage.data_uri
