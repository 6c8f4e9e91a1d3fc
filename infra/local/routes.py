"""The gateway's routes, and Caddy's JSON configuration made of them. Pure: values in, values out.

Caddy's JSON: https://caddyserver.com/docs/json/
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from infra.contracts.errors import HighwayError
from infra.contracts.workload import Name
from infra.local.split import ADDRESS, FILE_NAME, LINE

Json = dict[str, Any]

READY_PATH = "/-/gateway/ready"
METRICS_PATH = "/-/gateway/metrics"
SERVER = "gateway"

# How long a request waits for an upstream that refuses connections: longer than a restart of an app takes.
DIAL_PATIENCE = "5s"
# Shorter than the 5 s after which uvicorn closes an idle connection, so that no request meets its closing.
IDLE_UPSTREAM = "3s"
RETRY_AFTER_SECONDS = 1
# How long a stop or a reload waits for requests under way; Caddy's default is for ever.
GRACE_PERIOD = "10s"


class Route(BaseModel):
    """Requests below `path_prefix` go to `upstream`, or by the weights in `split_directory`.

    The path is passed on as it is. The longest prefix wins.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    path_prefix: str = Field(default="/", pattern=r"^/([A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*)?$")
    upstream: str | None = Field(default=None, pattern=ADDRESS, description="host:port")
    # Braces would end Caddy's placeholder; a newline its line.
    split_directory: str | None = Field(default=None, pattern=r"^/[^{}\n]*$", description="absolute path")

    @model_validator(mode="after")
    def _has_one_target(self) -> Self:
        if (self.upstream is None) == (self.split_directory is None):
            raise ValueError(f"route {self.name}: give either upstream (host:port) or split_directory")
        return self


class RouteConflictError(HighwayError):
    """Two routes want the same path."""


def configuration(routes: Sequence[Route], admin_socket: Path) -> Json:
    """The whole configuration. Listens on 127.0.0.1:$PORT. Raises `RouteConflictError`."""
    by_prefix: dict[str, str] = {}
    for route in routes:
        other = by_prefix.setdefault(route.path_prefix, route.name)
        if other != route.name:
            raise RouteConflictError(
                f"routes {other} and {route.name} both want {route.path_prefix}; give one of them another path_prefix"
            )
    ordered = sorted(routes, key=lambda route: (-len(route.path_prefix), route.path_prefix))
    return {
        # The socket's mode is Caddy's own notation; nothing that the API changes outlives a restart.
        "admin": {"listen": f"unix/{admin_socket}|0600", "config": {"persist": False}},
        "apps": {
            "http": {
                "grace_period": GRACE_PERIOD,
                "metrics": {},
                "servers": {
                    SERVER: {
                        "listen": ["127.0.0.1:{env.PORT}"],
                        "automatic_https": {"disable": True},
                        "routes": [
                            _exact(READY_PATH, {"handler": "static_response", "status_code": 200, "body": "ready\n"}),
                            _exact(METRICS_PATH, {"handler": "metrics"}),
                            *(render(route) for route in ordered),
                            {"handle": [_refusal(404, "no route of the gateway has this path")]},
                        ],
                    }
                },
            }
        },
    }


def render(route: Route) -> Json:
    """One route; `@id` is the name under which Caddy's API shows it."""
    prefix = route.path_prefix
    match: Json = {} if prefix == "/" else {"match": [{"path": [prefix, f"{prefix}/*"]}]}
    handle = _by_weight(route.split_directory) if route.split_directory else _proxy(route.upstream or "", DIAL_PATIENCE)
    return {"@id": route.name, **match, "handle": [handle], "terminal": True}


def parse(name: str, live: Mapping[str, Any]) -> Route | None:
    """The route that Caddy's API shows, or None when no `Route` renders to it (somebody edited it by hand)."""
    try:
        handle = live["handle"][0]
        paths = live["match"][0]["path"] if "match" in live else ["/"]
        if handle["handler"] == "reverse_proxy":
            route = Route(name=name, path_prefix=paths[0], upstream=handle["upstreams"][0]["dial"])
        else:
            placeholder = handle["routes"][0]["handle"][0]["split"]
            directory = placeholder.removeprefix("{file.").removesuffix(f"/{FILE_NAME}}}")
            route = Route(name=name, path_prefix=paths[0], split_directory=directory)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        return None
    return route if render(route) == live else None


def _by_weight(directory: str) -> Json:
    """Read the split file once a request, match its line, and choose by the request's UUID."""
    return {
        "handler": "subroute",
        "routes": [
            {"handle": [{"handler": "vars", "split": f"{{file.{directory}/{FILE_NAME}}}"}]},
            {
                "match": [{"vars_regexp": {"split": {"name": "split", "pattern": LINE}}}],
                "handle": [_stable_or_candidate()],
                "terminal": True,
            },
            {"handle": [_refusal(503, "no revision is serving yet")]},
        ],
    }


def _stable_or_candidate() -> Json:
    stable = _proxy("{http.regexp.split.stable}", DIAL_PATIENCE)
    candidate = _proxy("{http.regexp.split.candidate}", patience=None)
    return {
        "handler": "subroute",
        "routes": [
            {
                "match": [{"expression": "{http.request.uuid} < {http.regexp.split.threshold}"}],
                "handle": [candidate],
                "terminal": True,
            },
            {"handle": [stable]},
        ],
        # A candidate that cannot be connected to has processed nothing: the stable revision answers instead.
        "errors": {
            "routes": [
                {
                    "match": [
                        {
                            "expression": "{http.request.uuid} < {http.regexp.split.threshold}"
                            " && {http.error.message}.startsWith('dial ')"
                        }
                    ],
                    "handle": [stable],
                    "terminal": True,
                }
            ]
        },
    }


def _proxy(upstream: str, patience: str | None) -> Json:
    """Caddy repeats a request only when it could not connect, or when it is a GET."""
    retries: Json = {"load_balancing": {"try_duration": patience, "try_interval": "100ms"}} if patience else {}
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": upstream}],
        "transport": {"protocol": "http", "dial_timeout": "2s", "keep_alive": {"idle_timeout": IDLE_UPSTREAM}},
        **retries,
    }


def _exact(path: str, handler: Json) -> Json:
    return {"match": [{"path": [path]}], "handle": [handler], "terminal": True}


def _refusal(status: int, detail: str) -> Json:
    headers = {"Content-Type": ["application/json"]}
    if status == 503:
        headers["Retry-After"] = [str(RETRY_AFTER_SECONDS)]
    return {
        "handler": "static_response",
        "status_code": status,
        "headers": headers,
        "body": f'{{"detail": "{detail}"}}\n',
    }
