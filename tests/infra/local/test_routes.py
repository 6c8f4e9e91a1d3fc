"""Composition of Caddy's configuration from routes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from infra.local.routes import METRICS_PATH, READY_PATH, Route, RouteConflictError, configuration, parse, render

SOCKET = Path("/run/gateway.sock")
APP = Route(name="app", split_directory="/h/run/split/app")
REGISTRY = Route(name="registry", path_prefix="/registry", upstream="127.0.0.1:9001")

names = st.from_regex(r"[a-z][a-z0-9-]{0,20}[a-z0-9]", fullmatch=True)
prefixes = st.just("/") | st.from_regex(r"(/[A-Za-z0-9._~-]{1,8}){1,3}", fullmatch=True)
targets = st.one_of(
    st.integers(1, 65535).map(lambda port: {"upstream": f"127.0.0.1:{port}"}),
    st.from_regex(r"/[a-z 'é.]{1,20}", fullmatch=True).map(lambda path: {"split_directory": path}),
)


def served_routes(*routes):
    return configuration(routes, SOCKET)["apps"]["http"]["servers"]["gateway"]["routes"]


def test_only_loopback_and_a_private_socket_are_listened_on_and_nothing_is_kept():
    composed = configuration([APP], SOCKET)
    assert composed["admin"] == {"listen": "unix//run/gateway.sock|0600", "config": {"persist": False}}
    server = composed["apps"]["http"]["servers"]["gateway"]
    assert server["listen"] == ["127.0.0.1:{env.PORT}"]
    assert server["automatic_https"] == {"disable": True}


def test_the_longest_prefix_is_asked_first_whatever_the_order_of_the_files():
    deeper = Route(name="deeper", path_prefix="/registry/api", upstream="127.0.0.1:9002")
    for order in ([APP, REGISTRY, deeper], [deeper, APP, REGISTRY]):
        assert [route.get("@id") for route in served_routes(*order)] == [
            None, None, "deeper", "registry", "app", None,
        ]  # fmt: skip


def test_the_gateways_own_paths_come_before_every_route_and_a_404_after():
    first, second, *_, last = served_routes(APP)
    assert [first["match"][0]["path"], second["match"][0]["path"]] == [[READY_PATH], [METRICS_PATH]]
    assert last["handle"][0]["status_code"] == 404


def test_a_prefix_matches_whole_path_segments():
    assert render(REGISTRY)["match"] == [{"path": ["/registry", "/registry/*"]}]
    assert "match" not in render(APP)


def test_two_routes_of_one_path_are_refused_with_both_names():
    with pytest.raises(RouteConflictError, match="app and other both want /; give one of them another path_prefix"):
        configuration([APP, Route(name="other", upstream="127.0.0.1:1")], SOCKET)


@given(names, prefixes, targets)
def test_what_caddy_shows_is_read_back_as_the_route(name, prefix, target):
    route = Route(name=name, path_prefix=prefix, **target)
    assert parse(name, render(route)) == route


@pytest.mark.parametrize(
    "edit",
    [
        lambda live: live["handle"].append({"handler": "static_response"}),
        lambda live: live.pop("terminal"),
        lambda live: live["handle"][0]["routes"].pop(),
        lambda live: live.update(match=[{"host": ["example.org"]}]),
        lambda live: live.update(handle=[]),
    ],
)
def test_an_edited_route_is_no_route(edit):
    live = render(APP)
    edit(live)
    assert parse("app", live) is None


def test_an_edited_upstream_is_seen():
    live = render(REGISTRY)
    live["handle"][0]["upstreams"][0]["dial"] = "127.0.0.1:6666"
    assert parse("registry", live) == REGISTRY.model_copy(update={"upstream": "127.0.0.1:6666"})


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"upstream": "127.0.0.1:1", "split_directory": "/x"},
        {"upstream": "{http.request.header.X}:80"},
        {"upstream": "127.0.0.1"},
        {"split_directory": "relative"},
        {"split_directory": "/x}{env.HOME"},
        {"upstream": "127.0.0.1:1", "path_prefix": "/a/"},
        {"upstream": "127.0.0.1:1", "path_prefix": "/a*"},
        {"upstream": "127.0.0.1:1", "path_prefix": "a"},
    ],
)
def test_a_bad_route_is_refused(fields):
    with pytest.raises(ValidationError):
        Route(name="bad", **fields)
