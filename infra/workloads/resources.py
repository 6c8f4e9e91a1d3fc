"""`highway:workloads:*`: what programs declare. The spec is an output of each, for policies and for people."""

from collections.abc import Mapping
from typing import Any

import pulumi

from infra.contracts.release import Release
from infra.contracts.workload import Pipeline, Service
from infra.local import resources
from infra.local.home import Home
from infra.local.resources import ConfigFile, Process
from infra.local.routes import Route
from infra.local.split import split_directory
from infra.monitoring.targets import scrape_target


class ServiceResource(pulumi.ComponentResource):
    """A service, and its scrape target if it has metrics. `url` is where its neighbours reach it."""

    url: pulumi.Output[str]

    def __init__(
        self,
        spec: Service,
        *,
        address: str | None = None,
        port: int | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`address` ("host:port") is where it will listen, `port` one that was asked for by name."""
        super().__init__("highway:workloads:Service", spec.name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        process = Process(spec.name, spec.model_dump(mode="json"), port, child)
        if spec.metrics_path and address:
            ConfigFile(
                f"{spec.name}-target", f"prometheus/targets/{spec.name}.json", scrape_target(spec, address), opts=child
            )
        self.url = process.url
        self.spec = pulumi.Output.from_input(spec.model_dump(mode="json"))
        self.register_outputs({"url": self.url, "spec": self.spec})


class PipelineResource(pulumi.ComponentResource):
    """A pipeline's definition, which the executor runs. On a cluster it is a WorkflowTemplate."""

    spec: pulumi.Output[Mapping[str, Any]]

    def __init__(self, name: str, spec: pulumi.Output[Pipeline], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("highway:workloads:Pipeline", name, None, opts)
        self.spec = spec.apply(lambda pipeline: pipeline.model_dump(mode="json"))
        ConfigFile(
            name,
            f"pipelines/{name}.json",
            spec.apply(lambda pipeline: pipeline.model_dump_json(indent=1)),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"spec": self.spec})


class ReleaseResource(pulumi.ComponentResource):
    """The intent of a release and the route to it. Weights are the release controller's and are not declared."""

    spec: pulumi.Output[Mapping[str, Any]]

    def __init__(self, name: str, release: pulumi.Output[Release], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("highway:workloads:Release", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.spec = release.apply(lambda wanted: wanted.model_dump(mode="json"))
        resources.Route(name, release.apply(lambda wanted: _by_weight(wanted).model_dump(mode="json")), child)
        ConfigFile(
            name,
            f"releases/{name}.json",
            release.apply(lambda wanted: wanted.model_dump_json(indent=1)),
            opts=child,
        )
        self.register_outputs({"spec": self.spec})


def _by_weight(release: Release) -> Route:
    # By the service's name, as the controller does: it is what the split belongs to.
    directory = split_directory(Home.from_environment(), release.service.name)
    return Route(name=release.service.name, path_prefix=release.path_prefix, split_directory=str(directory))
