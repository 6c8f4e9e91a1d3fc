"""supervisord's XML-RPC interface over its unix socket.

Of our own, because supervisor's client imports supervisor's server, for which every command and every run of a
pipeline would wait.
"""

import http.client
import socket
import xmlrpc.client
from enum import IntEnum
from pathlib import Path
from typing import Any

from infra.contracts.errors import HighwayError

HOST = "localhost"  # never resolved


class SupervisorUnavailableError(HighwayError):
    """supervisord does not answer."""


class Faults(IntEnum):
    """Those that are expected. Source: supervisor 4.3.0, supervisor/xmlrpc.py."""

    BAD_NAME = 10
    ALREADY_STARTED = 60
    NOT_RUNNING = 70
    ALREADY_ADDED = 90


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__(HOST)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(str(self._path))


class _Transport(xmlrpc.client.Transport):
    """A connection a call: supervisord may be another one at the next."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = _Connection(self._path)
        self._connection = (host, connection)
        return connection

    def request(self, host: Any, handler: str, request_body: Any, verbose: bool = False) -> tuple[Any, ...]:
        # Once: what was sent and not answered may have been done.
        return self.single_request(host, handler, request_body, verbose)


class Rpc:
    """The `supervisor` namespace; any call raises `SupervisorUnavailableError` when supervisord is gone, and
    `xmlrpc.client.Fault` when it refuses."""

    def __init__(self, socket: Path) -> None:
        self._transport = _Transport(socket)
        self._proxy = xmlrpc.client.ServerProxy(f"http://{HOST}", transport=self._transport)

    def __getattr__(self, method: str) -> Any:
        def call(*arguments: Any) -> Any:
            try:
                return getattr(self._proxy.supervisor, method)(*arguments)
            except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
                raise SupervisorUnavailableError(f"supervisord does not answer ({error}); run `highway up`") from error
            finally:
                self._transport.close()

        return call
