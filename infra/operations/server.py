"""How our own HTTP services listen: on loopback, at the port that the substrate chose."""

import os
from collections.abc import Callable
from typing import Any

import uvicorn

LOOPBACK = "127.0.0.1"
PORT_VARIABLE = "PORT"
KEEP_ALIVE_SECONDS = 75


def serve(create_app: Callable[[], Any]) -> None:
    """Make an ASGI app and run it in this process until SIGTERM, then finish what was begun.

    Raises `KeyError` without PORT. Files that the service makes are its owner's alone. Requests
    are not logged: a query can carry a name."""
    os.umask(0o077)
    uvicorn.run(
        create_app(),
        host=LOOPBACK,
        port=int(os.environ[PORT_VARIABLE]),
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
