"""Caddy's admin API over its unix socket."""

import http.client
import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.contracts.errors import HighwayError

TIMEOUT_SECONDS = 30  # a load waits until the new configuration listens


class CaddyDownError(Exception):
    """Nobody listens on the admin socket."""


class CaddyRefusedError(HighwayError):
    """Caddy answered with an error; the message is its own."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("127.0.0.1", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_SECONDS)
        self.sock.connect(str(self._path))


@dataclass(frozen=True)
class CaddyAdmin:
    socket_path: Path

    def load(self, configuration: dict[str, Any]) -> None:
        """Replace the whole configuration; the old one stays when the new one is refused.

        Raises `CaddyDownError`, `CaddyRefusedError`."""
        self._call("POST", "/load", json.dumps(configuration))

    def read(self, path: str) -> Any:
        """The JSON at `path`, such as /config/ or /id/NAME; None when there is none. Raises as `load` does."""
        return self._call("GET", path, None)

    def _call(self, method: str, path: str, body: str | None) -> Any:
        connection = _UnixConnection(self.socket_path)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json", "Connection": "close"})
            response = connection.getresponse()
            content = response.read()
        except (FileNotFoundError, ConnectionError) as error:
            raise CaddyDownError(f"no gateway listens on {self.socket_path}: {error}") from error
        finally:
            connection.close()
        if response.status == http.client.NOT_FOUND:
            return None
        if response.status != http.client.OK:
            raise CaddyRefusedError(f"{method} {path}: {response.status} {content.decode(errors='replace').strip()}")
        return json.loads(content) if content.strip() else None
