"""What the provider manages. Each kind puts, reads and removes one sort of object, idempotently.

`Inputs` are frozen pydantic models: `check` reports their validation errors, `diff` compares them. Nothing is
kept in the provider: `read` looks at what is really there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from pydantic import Field

from infra.contracts.files import write_atomically
from infra.contracts.workload import Name, Service, Strict
from infra.local.gateway import Gateway
from infra.local.home import Home
from infra.local.routes import Route
from infra.local.supervisor import Supervisor

Inputs = TypeVar("Inputs", bound=Strict)


class Kind(Protocol, Generic[Inputs]):
    """One resource type. Ids are names, so what exists can be imported by its name."""

    @property
    def inputs(self) -> type[Inputs]: ...

    def identity(self, inputs: Inputs) -> str: ...

    def put(self, inputs: Inputs) -> Mapping[str, Any]:
        """Make it so; returns the outputs beyond the inputs. Raises with a line that says what to do."""
        ...

    def read(self, identity: str) -> Inputs | None:
        """What is really there; None when it is gone or was altered beyond recognition."""
        ...

    def remove(self, identity: str) -> None: ...


class ProcessInputs(Strict):
    spec: Service
    port: int | None = Field(default=None, ge=1024, le=65535, description="a port asked for by name")


@dataclass(frozen=True)
class ProcessKind:
    """`highway:local:Process`: a service under the supervisor."""

    home: Home
    inputs: type[ProcessInputs] = ProcessInputs

    def identity(self, inputs: ProcessInputs) -> str:
        return inputs.spec.name

    def put(self, inputs: ProcessInputs) -> Mapping[str, Any]:
        running = Supervisor(self.home).apply(inputs.spec, inputs.port)
        return {"url": f"http://{running.address}" if running.address else "", "spec_digest": running.spec_digest}

    def read(self, identity: str) -> ProcessInputs | None:
        supervisor = Supervisor(self.home)
        spec = supervisor.read(identity) if supervisor.is_alive() else None
        return ProcessInputs(spec=spec) if spec else None

    def remove(self, identity: str) -> None:
        supervisor = Supervisor(self.home)
        supervisor.remove(identity)
        supervisor.shut_down_if_idle()


class RouteInputs(Strict):
    route: Route


@dataclass(frozen=True)
class RouteKind:
    """`highway:local:Route`: a path of the gateway. Never the weights behind it: those are the release controller's."""

    home: Home
    inputs: type[RouteInputs] = RouteInputs

    def identity(self, inputs: RouteInputs) -> str:
        return inputs.route.name

    def put(self, inputs: RouteInputs) -> Mapping[str, Any]:
        Gateway(self.home).put(inputs.route)
        return {}

    def read(self, identity: str) -> RouteInputs | None:
        route = Gateway(self.home).read(identity)
        return RouteInputs(route=route) if route else None

    def remove(self, identity: str) -> None:
        Gateway(self.home).remove(identity)


class Notification(Strict):
    process: Name
    signal: str = "HUP"


class ConfigFileInputs(Strict):
    path: str = Field(pattern=r"^[A-Za-z0-9_][\w./-]*$", description="below .highway/run/, without ..")
    content: str
    notify: Notification | None = None


@dataclass(frozen=True)
class ConfigFileKind:
    """`highway:local:ConfigFile`: what a process reads, and the signal that makes it read again."""

    home: Home
    inputs: type[ConfigFileInputs] = ConfigFileInputs

    def identity(self, inputs: ConfigFileInputs) -> str:
        return inputs.path

    def put(self, inputs: ConfigFileInputs) -> Mapping[str, Any]:
        path = self._path(inputs.path)
        if not (path.exists() and path.read_text() == inputs.content):
            write_atomically(path, inputs.content)
        supervisor = Supervisor(self.home)
        if inputs.notify and supervisor.is_alive():
            supervisor.signal(inputs.notify.process, inputs.notify.signal)
        return {}

    def read(self, identity: str) -> ConfigFileInputs | None:
        path = self._path(identity)
        return ConfigFileInputs(path=identity, content=path.read_text()) if path.exists() else None

    def remove(self, identity: str) -> None:
        self._path(identity).unlink(missing_ok=True)

    def _path(self, relative: str) -> Path:
        path = (self.home.run / relative).resolve()
        if not path.is_relative_to(self.home.run.resolve()):
            raise ValueError(f"path {relative!r} leaves .highway/run/; name a file below it")
        return path


def kinds(home: Home) -> dict[str, Kind[Any]]:
    return {
        "highway:local:Process": ProcessKind(home),
        "highway:local:Route": RouteKind(home),
        "highway:local:ConfigFile": ConfigFileKind(home),
    }
