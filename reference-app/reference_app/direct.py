"""Routes that are answered without the framework, because it takes longer than a prediction.

FastAPI finds the route, solves its parameters and checks the answer's type: several times the work of all else that
a request needs. Endpoints that take the request and the services and return a response need none of it. They are
routes like any other, described in /openapi.json, and stay right when this module is taken away; it only calls them
sooner.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, ExceptionHandler, Receive, Scope, Send

from reference_app.services import Services


class DirectRoutes:
    """ASGI middleware. `handlers` are the app's own, so that a refusal looks the same on both ways."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        services: Services,
        routers: Iterable[APIRouter],
        handlers: Mapping[Any, ExceptionHandler],
    ) -> None:
        self._app, self._services, self._handlers = app, services, handlers
        self._routes = {
            (method, route.path): route
            for router in routers
            for route in router.routes
            if isinstance(route, APIRoute)
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = route
        request = Request(scope, receive)
        try:
            response = await route.endpoint(request, self._services)
        except Exception as error:
            handler = next((self._handlers[kind] for kind in type(error).__mro__ if kind in self._handlers), None)
            if handler is None:
                raise
            response = await handler(request, error)  # type: ignore[misc,arg-type]
        await response(scope, receive, send)
