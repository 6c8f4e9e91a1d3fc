"""The gateway of one highway: Caddy, driven by route files.

`run/gateway/routes/<name>.json` are the truth. They are composed into `caddy.json`, which Caddy loads when it
starts, and given to a running Caddy through its admin socket. Loading a configuration closes connections that
wait for their next request, so it is done only when a route really changes; weights never need it (`split`).

`python -m infra.local.gateway` becomes Caddy, with the configuration that the route files ask for.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from filelock import FileLock

from infra.contracts.files import write_atomically
from infra.contracts.names import PROJECT
from infra.contracts.workload import DataClassification, Probe, Resources, Service
from infra.local.caddy_admin import CaddyAdmin, CaddyDownError
from infra.local.home import Home
from infra.local.routes import METRICS_PATH, READY_PATH, Route, configuration, parse
from infra.local.sockets import socket_path

GATEWAY_SERVICE = "gateway"
# Between reading its configuration and listening Caddy cannot be told of a change; measured: 0.1 s.
START_SECONDS = 5.0


class Gateway:
    """Routes of the gateway of `home`. Every call is idempotent and safe across processes."""

    def __init__(self, home: Home) -> None:
        self._folder = home.run / "gateway"
        self._routes = self._folder / "routes"
        self._composed = self._folder / "caddy.json"
        self._started = self._folder / "started"
        self._socket = socket_path(home, GATEWAY_SERVICE)
        self._admin = CaddyAdmin(self._socket)

    def put(self, route: Route) -> None:
        """Make `route` live, or what a Caddy that is started later will serve.

        Raises `RouteConflictError` (and changes nothing) when another route has the same path prefix."""
        with self._lock():
            configuration([*(kept for kept in self._wanted() if kept.name != route.name), route], self._socket)
            write_atomically(self._path(route.name), route.model_dump_json())
            self._apply()

    def remove(self, name: str) -> None:
        with self._lock():
            self._path(name).unlink(missing_ok=True)
            self._apply()

    def read(self, name: str) -> Route | None:
        """The route as Caddy serves it now; when Caddy is down, as it will. None when there is none, or when
        somebody changed it by hand into something that no route is."""
        try:
            live = self._admin.read(f"/id/{name}")
        except CaddyDownError:
            composed = self._read_composed().get("apps", {}).get("http", {}).get("servers", {})
            routes = composed.get("gateway", {}).get("routes", [])
            live = next((route for route in routes if route.get("@id") == name), None)
        return None if live is None else parse(name, live)

    def prepare(self) -> Path:
        """Compose `caddy.json` for a Caddy that is about to start; returns its path."""
        with self._lock():
            self._compose()
            self._started.touch()
        # A killed Caddy leaves its socket; no other process of this home listens there (see `launch`).
        self._socket.unlink(missing_ok=True)
        return self._composed

    def _lock(self) -> FileLock:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return FileLock(self._folder / "lock", timeout=60)

    def _path(self, name: str) -> Path:
        return self._routes / f"{name}.json"

    def _wanted(self) -> list[Route]:
        return [Route.model_validate_json(path.read_text()) for path in sorted(self._routes.glob("*.json"))]

    def _compose(self) -> dict[str, Any]:
        composed = configuration(self._wanted(), self._socket)
        if composed != self._read_composed():
            write_atomically(self._composed, json.dumps(composed, indent=1))
        return composed

    def _read_composed(self) -> dict[str, Any]:
        try:
            read = json.loads(self._composed.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return read if isinstance(read, dict) else {}

    def _apply(self) -> None:
        composed = self._compose()
        while True:
            try:
                if self._admin.read("/config/") != composed:
                    self._admin.load(composed)
            except CaddyDownError:
                # One that is starting may have read the file before we wrote it: wait until it can be told.
                if not self._is_starting():
                    return
                time.sleep(0.05)
            else:
                return

    def _is_starting(self) -> bool:
        try:
            return 0 <= time.time() - self._started.stat().st_mtime < START_SECONDS
        except FileNotFoundError:
            return False


def gateway_service(home: Home, port: int) -> Service:
    """Caddy as a workload. It listens on 127.0.0.1:$PORT, for traffic and for its own readiness and metrics."""
    files = str(home.data / "gateway")
    return Service(
        name=GATEWAY_SERVICE,
        owner="platform",
        data_classification=DataClassification.INTERNAL,
        command=("python", "-m", "infra.local.gateway"),
        # Whatever Caddy keeps (an id of the instance, locks) stays below the home.
        environment={"XDG_DATA_HOME": files, "XDG_CONFIG_HOME": files},
        resources=Resources(memory_bytes=1024 * 1024 * 1024),
        port=port,
        readiness=Probe(path=READY_PATH),
        metrics_path=METRICS_PATH,
        drain_seconds=15,
    )


def main() -> None:
    configuration_file = Gateway(Home.from_environment()).prepare()
    try:
        os.execvp("caddy", ["caddy", "run", "--config", str(configuration_file)])  # noqa: S606 - becoming Caddy
    except FileNotFoundError:
        sys.exit(f"{PROJECT}: no program 'caddy' on PATH; run `highway doctor`")


if __name__ == "__main__":
    main()
