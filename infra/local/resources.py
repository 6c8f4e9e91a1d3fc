"""The provider's resources, as a Pulumi program declares them."""

from collections.abc import Mapping
from typing import Any

import pulumi


class Process(pulumi.CustomResource):
    """A supervised service. `url` is where it listens on loopback, "" without a port."""

    url: pulumi.Output[str]
    spec_digest: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        spec: pulumi.Input[Mapping[str, Any]],
        port: int | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            "highway:local:Process", name, {"spec": spec, "port": port, "url": None, "spec_digest": None}, opts
        )


class Route(pulumi.CustomResource):
    """A path of the gateway."""

    def __init__(
        self, name: str, route: pulumi.Input[Mapping[str, Any]], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("highway:local:Route", name, {"route": route}, opts)


class ConfigFile(pulumi.CustomResource):
    """A file below `.highway/run/`, and the process to signal when it changes."""

    def __init__(
        self,
        name: str,
        path: str,
        content: pulumi.Input[str],
        notify: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        notification = {"process": notify, "signal": "HUP"} if notify else None
        super().__init__(
            "highway:local:ConfigFile", name, {"path": path, "content": content, "notify": notification}, opts
        )
