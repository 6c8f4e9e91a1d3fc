"""The gateway with a real Caddy: routes come, go and survive; weights are exact at their ends."""

import http.client
import json
import os
import signal
import stat
import threading
import time

import psutil
import pytest

from infra.local.caddy_admin import CaddyAdmin
from infra.local.gateway import Gateway
from infra.local.home import Home
from infra.local.processes import marked
from infra.local.routes import Route, RouteConflictError
from infra.local.sockets import socket_path
from infra.local.split import Split, split_directory
from tests.support.gateway import running_gateway, short_home, upstream
from tests.support.service import free_port


def ask(url, path="/", body=None):
    host = url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.request("POST" if body else "GET", path, body)
        response = connection.getresponse()
        return response.status, response.read().decode(), response.headers
    finally:
        connection.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """(home, url of the gateway, address of `one`, address of `two`): two upstreams that answer their names."""
    log = tmp_path_factory.mktemp("upstreams") / "log"
    with short_home() as home, upstream("one", log) as one, upstream("two", log) as two, running_gateway(home) as caddy:
        yield home, caddy.url, one, two


def test_without_caddy_a_route_is_kept_for_the_one_that_will_start(tmp_path):
    home = Home(tmp_path / ".highway")
    gateway = Gateway(home)
    route = Route(name="app", upstream="127.0.0.1:9001")
    gateway.put(route)
    assert gateway.read("app") == route
    assert json.loads((home.run / "gateway" / "caddy.json").read_text())["admin"]
    gateway.remove("app")
    gateway.remove("app")
    assert gateway.read("app") is None


def test_a_conflicting_route_changes_nothing(tmp_path):
    gateway = Gateway(Home(tmp_path / ".highway"))
    gateway.put(Route(name="app", upstream="127.0.0.1:9001"))
    with pytest.raises(RouteConflictError):
        gateway.put(Route(name="other", upstream="127.0.0.1:9002"))
    assert gateway.read("other") is None
    gateway.put(Route(name="app", path_prefix="/app", upstream="127.0.0.1:9001"))


def test_routes_come_and_go_while_caddy_runs(served):
    home, url, one, two = served
    gateway = Gateway(home)
    gateway.put(Route(name="first", path_prefix="/a", upstream=one))
    gateway.put(Route(name="second", path_prefix="/a/b", upstream=two))
    assert [ask(url, path)[1] for path in ("/a", "/a/x", "/a/b", "/a/b/c")] == ["one", "one", "two", "two"]
    assert ask(url, "/ab")[0] == 404
    gateway.put(Route(name="second", path_prefix="/a/b", upstream=one))
    assert ask(url, "/a/b")[1] == "one"
    gateway.remove("first")
    gateway.remove("second")
    assert ask(url, "/a/b")[0] == 404
    assert gateway.read("first") is None


def test_putting_what_is_there_closes_no_connection(served):
    home, url, one, _ = served
    route = Route(name="kept", path_prefix="/kept", upstream=one)
    Gateway(home).put(route)
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    for _ in range(5):
        connection.request("GET", "/kept")
        assert connection.getresponse().read() == b"one"
        local = connection.sock.getsockname()
        Gateway(home).put(route)
    assert connection.sock.getsockname() == local
    connection.close()


def test_an_edit_by_hand_is_noticed_and_mended(served):
    home, url, one, two = served
    gateway = Gateway(home)
    route = Route(name="edited", path_prefix="/edited", upstream=one)
    gateway.put(route)
    admin = CaddyAdmin(socket_path(home, "gateway"))
    live = admin.read("/config/")
    (shown,) = [r for r in live["apps"]["http"]["servers"]["gateway"]["routes"] if r.get("@id") == "edited"]
    shown["handle"][0]["upstreams"][0]["dial"] = two
    admin.load(live)
    assert gateway.read("edited") == route.model_copy(update={"upstream": two})
    gateway.put(route)
    assert gateway.read("edited") == route
    assert ask(url, "/edited")[1] == "one"


def test_a_split_without_a_stable_revision_is_a_503_that_says_when_to_come_again(served):
    home, url, one, _ = served
    Gateway(home).put(Route(name="new", path_prefix="/new", split_directory=str(split_directory(home, "new"))))
    status, body, headers = ask(url, "/new")
    assert (status, headers["Retry-After"]) == (503, "1")
    assert json.loads(body) == {"detail": "no revision is serving yet"}
    Split(split_directory(home, "new")).set(one)
    assert ask(url, "/new")[1] == "one"


def test_nobody_and_everybody_are_exact(served):
    home, url, one, two = served
    Gateway(home).put(Route(name="ends", path_prefix="/ends", split_directory=str(split_directory(home, "ends"))))
    split = Split(split_directory(home, "ends"))
    for weight, expected in ((0, {"one"}), (100, {"two"}), (50, {"one", "two"})):
        split.set(one, two, weight)
        assert {ask(url, "/ends")[1] for _ in range(60)} == expected, f"{weight} %"


def test_a_dead_candidate_loses_no_request(served):
    home, url, one, _ = served
    Gateway(home).put(Route(name="dead", path_prefix="/dead", split_directory=str(split_directory(home, "dead"))))
    Split(split_directory(home, "dead")).set(one, f"127.0.0.1:{free_port()}", 100)
    assert {ask(url, "/dead", body="a prediction")[:2] for _ in range(20)} == {(200, "one")}


def test_a_request_waits_for_an_upstream_that_is_being_restarted(served, tmp_path):
    home, url, _, _ = served
    port = free_port()
    Gateway(home).put(Route(name="slow", path_prefix="/slow", upstream=f"127.0.0.1:{port}"))
    answers = []
    asking = threading.Thread(target=lambda: answers.append(ask(url, "/slow", body="a prediction")[:2]))
    asking.start()
    time.sleep(0.5)
    with upstream("late", tmp_path / "log", port=port):
        asking.join(10)
    assert answers == [(200, "late")]


def test_admin_is_for_this_user_alone_and_only_the_gateways_port_is_open(served):
    home, url, _, _ = served
    path = socket_path(home, "gateway")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    (caddy,) = marked(home.root, workload="gateway")
    assert {(c.laddr.ip, c.laddr.port) for c in caddy.net_connections("tcp") if c.status == psutil.CONN_LISTEN} == {
        ("127.0.0.1", int(url.rpartition(":")[2]))
    }


def test_a_killed_caddy_comes_back_with_the_same_routes_and_weights(tmp_path):
    # The home is pytest's own, too long for a socket: the other folder is used.
    home = Home(tmp_path / ("long" * 20) / ".highway")
    log = tmp_path / "log"
    port = free_port()
    with upstream("one", log) as one, upstream("two", log) as two:
        Gateway(home).put(Route(name="app", split_directory=str(split_directory(home, "app"))))
        Split(split_directory(home, "app")).set(one, two, 100)
        with running_gateway(home, port) as first:
            assert ask(first.url)[1] == "two"
            os.kill(first.process.pid, signal.SIGKILL)
            first.process.wait()
        with running_gateway(home, port) as second:
            assert ask(second.url)[1] == "two"
            assert Gateway(home).read("app") is not None
            Gateway(home).put(Route(name="more", path_prefix="/more", upstream=one))
            assert ask(second.url, "/more")[1] == "one"
