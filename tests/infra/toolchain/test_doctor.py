"""What the doctor finds wrong, it finds for each fault alone."""

import socket
from pathlib import Path

import pytest

from infra.toolchain import doctor
from infra.toolchain.links import Resolved
from infra.toolchain.loopback import can_bind
from infra.toolchain.preflight import GIBIBYTE

PORTS = range(8460, 9000)


def test_every_check_of_a_bare_home_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    checks = {check.name: check for check in doctor.run_checks(tmp_path, PORTS)}
    assert set(doctor.TOOLS) <= set(checks)
    for name in doctor.TOOLS:
        assert not checks[name].ok
        assert "make up" in checks[name].fix
    assert checks["python"].ok
    assert all(check.fix and "\n" not in check.line for check in checks.values() if not check.ok)
    assert all(not check.fix for check in checks.values() if check.ok)


def test_a_linked_tool_is_shown_with_version_and_source() -> None:
    linked = {"caddy": Resolved("caddy", "2.11.7", "PATH", {"caddy": "caddy"})}
    assert doctor.tool("caddy", linked).detail == "2.11.7, from PATH"


def test_a_home_that_others_can_read_is_noticed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert "chmod 700" in doctor.private(tmp_path).fix
    tmp_path.chmod(0o700)
    assert doctor.private(tmp_path).ok


def test_too_little_memory_is_noticed() -> None:
    assert doctor.memory(lambda: 4 * GIBIBYTE).ok
    check = doctor.memory(lambda: GIBIBYTE)
    assert "only 1.0 GiB" in check.line
    assert "3 GiB are needed" in check.line


def test_a_crowded_port_range_is_noticed() -> None:
    assert doctor.ports(PORTS, lambda port: port % 2 == 0).ok
    check = doctor.ports(PORTS, lambda port: port == PORTS[-1])
    assert check.detail.startswith("only 1 ports free from 8460 to 8999")


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not can_bind(port)
    assert can_bind(port)


def test_a_missing_browser_is_no_reason_to_stop() -> None:
    check = doctor.browser(lambda name: None)
    assert not check.ok
    assert not check.is_needed
    assert "no chromium, chromedriver" in check.detail
