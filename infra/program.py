"""Joins the five components on the substrate that the stack asks for, and exports what they promise."""

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from infra.components.local.cluster import LocalCluster
from infra.components.local.monitoring import LocalMonitoring
from infra.components.local.registry import LocalRegistry
from infra.components.local.runners import LocalRunners
from infra.components.local.site import Site
from infra.components.local.storage import LocalStorage
from infra.config import ConfigurationError, StackConfig, project_values
from infra.contracts.outputs import OUTPUT_NAME, PlatformOutputs
from infra.local.home import Home
from infra.local.ports import PortTakenError


def main() -> None:
    """Raises `pulumi.RunError`, whose text the engine shows without a traceback."""
    # The language host hands the configuration over in one of two ways; neither has a public way to list it.
    raw = {**get_config_env(), **CONFIG.get()}
    try:
        config = StackConfig.parse(project_values(raw, pulumi.get_project()))
        outputs = build(Site.survey(Home.from_environment(), config))
    except (ConfigurationError, PortTakenError) as error:
        raise pulumi.RunError(str(error)) from error
    pulumi.export(OUTPUT_NAME, outputs.model_dump())


def build(site: Site) -> PlatformOutputs:
    """The whole platform on one machine."""
    storage = LocalStorage("storage", site)
    # Everybody writes to the ledger; what a start wrote before it was there waits in the outbox.
    return PlatformOutputs(
        substrate=site.config.substrate,
        storage=storage.outputs,
        registry=LocalRegistry("registry", site).outputs,
        runners=LocalRunners("runners", site).outputs,
        cluster=LocalCluster("cluster", site).outputs,
        monitoring=LocalMonitoring("monitoring", site).outputs,
    )
