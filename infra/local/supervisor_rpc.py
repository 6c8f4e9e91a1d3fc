"""supervisord's XML-RPC interface over its unix socket."""

import http.client
import xmlrpc.client
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from infra.contracts.errors import HighwayError


class SupervisorUnavailableError(HighwayError):
    """supervisord does not answer."""


class Rpc:
    """The `supervisor` namespace; any call raises `SupervisorUnavailableError` when supervisord is gone, and
    `xmlrpc.client.Fault` when it refuses."""

    def __init__(self, socket: Path) -> None:
        # The host name is never resolved: the transport goes to the socket.
        self._transport = SupervisorTransport(None, None, f"unix://{socket}")
        self._proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=self._transport)

    def __getattr__(self, method: str) -> Any:
        def call(*arguments: Any) -> Any:
            try:
                return getattr(self._proxy.supervisor, method)(*arguments)
            except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
                raise SupervisorUnavailableError(f"supervisord does not answer ({error}); run `highway up`") from error
            finally:
                self._transport.close()

        return call
