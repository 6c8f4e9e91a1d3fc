"""Leases: each name keeps its port, and two clones never share one."""

import os
import socket
from pathlib import Path

import pytest

from infra.local.home import Home
from infra.local.ports import FIRST, Ports, PortTakenError


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Home, Home]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    return Home(tmp_path / "one"), Home(tmp_path / "two")


def test_a_name_keeps_its_port(homes: tuple[Home, Home]):
    ports = Ports(homes[0])
    assert ports.lease("mlflow") == ports.lease("mlflow") != ports.lease("ledger")


def test_two_clones_get_different_ports_even_when_nothing_listens(homes: tuple[Home, Home]):
    one, two = (Ports(home) for home in homes)
    assert {one.lease("a"), one.lease("b")}.isdisjoint({two.lease("a"), two.lease("b")})


def test_a_port_in_use_is_passed_over(homes: tuple[Home, Home]):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = Ports(homes[0]).lease("a")
        assert port != taken.getsockname()[1]
        assert port >= FIRST


def test_a_leased_port_that_a_stranger_took_is_replaced(homes: tuple[Home, Home]):
    ports = Ports(homes[0])
    first = ports.lease("a")
    with socket.create_server(("127.0.0.1", first)):
        assert ports.lease("a") != first


def test_a_port_asked_for_by_name_is_taken_or_refused_in_one_line(homes: tuple[Home, Home]):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = taken.getsockname()[1]
        with pytest.raises(
            PortTakenError, match=f"port {wanted}, asked for by the configuration of gateway, is in use"
        ):
            Ports(homes[0]).lease("gateway", wanted)
    assert Ports(homes[0]).lease("gateway", wanted) == wanted
    with pytest.raises(PortTakenError):
        Ports(homes[1]).lease("gateway", wanted)


def test_a_refused_wish_does_not_cost_the_port_that_one_has(homes: tuple[Home, Home]):
    ports = Ports(homes[0])
    held = ports.lease("gateway")
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortTakenError):
        ports.lease("gateway", taken.getsockname()[1])
    assert ports.lease("gateway") == held


def test_the_leases_of_a_removed_clone_are_free_again(homes: tuple[Home, Home]):
    port = Ports(homes[0]).lease("a")
    homes[0].root.rmdir()
    assert Ports(homes[1]).lease("b") == port


def test_a_damaged_lease_is_nobodys(homes: tuple[Home, Home]):
    port = Ports(homes[0]).lease("a")
    lease = Path(os.environ["XDG_CACHE_HOME"]) / "digital-highway" / "ports" / str(port)
    lease.write_text("{")
    assert Ports(homes[1]).lease("b") == port


def test_release_all_gives_back_only_ones_own(homes: tuple[Home, Home]):
    one, two = (Ports(home) for home in homes)
    one.lease("a")
    kept = two.lease("a")
    one.release_all()
    assert list(one.leased()) == []
    assert list(two.leased()) == [(kept, "a")]
