"""What the platform promises, and where the runs of the pipelines are kept."""

import os

from infra.contracts.outputs import OUTPUT_NAME, PlatformOutputs
from infra.contracts.pipelines import DATA_VARIABLE
from infra.local.engine import PLATFORM, Engine
from infra.local.home import Home


def platform_outputs(home: Home) -> PlatformOutputs:
    """As the engine has them; that takes a second. Raises `OutputsError`, `EngineError`."""
    return PlatformOutputs.parse(Engine(home, PLATFORM).outputs().get(OUTPUT_NAME))


def storage_uri(home: Home) -> str:
    """What the environment says, so that runs can be looked at where no platform stands; else what the platform
    promises. Raises as `platform_outputs`."""
    return os.environ.get(DATA_VARIABLE) or platform_outputs(home).storage.data_uri
