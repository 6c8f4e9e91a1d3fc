"""Basic authentication in front of any ASGI app: for servers that have none of their own."""

import base64
import binascii
from collections.abc import Collection
from pathlib import Path

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from infra.contracts.names import OPERATOR
from infra.operations.secret_files import matches, read_secret

POLICY_VIOLATION = 1008  # RFC 6455, section 7.4.1


class BasicAuth:
    """Lets in who presents the operator's name and password; anybody may ask for `open_paths`, exactly as named.

    The password is read from its file at each request, so that rotating it needs no restart."""

    def __init__(self, app: ASGIApp, *, password_file: Path, open_paths: Collection[str] = ()) -> None:
        read_secret(password_file)  # a server without a password refuses to start
        self._app = app
        self._password_file = password_file
        self._open_paths = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] in self._open_paths or self._is_operator(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(POLICY_VIOLATION)(scope, receive, send)
        else:
            refusal = PlainTextResponse(
                f"user {OPERATOR!r} and the password in {self._password_file.name} are needed; see `highway status`\n",
                status_code=401,
                headers={"WWW-Authenticate": 'Basic realm="highway", charset="UTF-8"'},
            )
            await refusal(scope, receive, send)

    def _is_operator(self, scope: Scope) -> bool:
        presented = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        scheme, _, encoded = presented.partition(b" ")
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        # Both are compared whatever the first says, or the time would tell which was wrong.
        correct = matches(user, OPERATOR), matches(password, read_secret(self._password_file))
        return scheme.lower() == b"basic" and all(correct)
