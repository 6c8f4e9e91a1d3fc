"""Declares the release on the platform, of which it knows nothing but the outputs contract."""

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env
from release_config import ReleaseConfig
from release_spec import NAME, release_of

from infra.contracts.errors import HighwayError
from infra.contracts.names import PROJECT
from infra.contracts.outputs import OUTPUT_NAME, PlatformOutputs
from infra.workloads.resources import ReleaseResource


def main() -> None:
    """Raises `pulumi.RunError`, whose text the engine shows without a traceback."""
    try:
        config = ReleaseConfig.parse(own_values())
    except HighwayError as error:
        raise pulumi.RunError(str(error)) from error
    declare(config, platform())


def own_values() -> dict[str, str]:
    """All config values of this project. The engine hands them over in one of two ways, and `pulumi.Config` can
    look up a key but not list them, so an unknown key would pass unseen."""
    prefix = f"{pulumi.get_project()}:"
    every = {**get_config_env(), **CONFIG.get()}
    return {key.removeprefix(prefix): value for key, value in every.items() if key.startswith(prefix)}


def platform() -> pulumi.Output[PlatformOutputs]:
    """What the platform's stack of the same name promises. `OutputsError` reaches the engine as one line."""
    stack = pulumi.StackReference(f"organization/{PROJECT}/{pulumi.get_stack()}")
    return stack.get_output(OUTPUT_NAME).apply(PlatformOutputs.parse)


def declare(config: ReleaseConfig, outputs: pulumi.Output[PlatformOutputs]) -> None:
    """Weights are not among it: they are the release controller's."""
    release = ReleaseResource(
        NAME, outputs.apply(lambda promised: release_of(config, promised.registry, promised.storage))
    )
    pulumi.export("service", NAME)
    pulumi.export("release", release.spec)
    pulumi.export("url", outputs.apply(lambda promised: promised.cluster.gateway_url))
