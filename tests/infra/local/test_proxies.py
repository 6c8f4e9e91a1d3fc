"""A proxy of the user's is not asked for what listens on loopback, and what the user excluded stays so."""

import subprocess
import urllib.request
from pathlib import Path

import pytest

from infra.local.engine import write_environment
from infra.local.home import Home
from infra.local.proxies import without_proxy


def test_loopback_is_asked_directly_beside_what_the_user_excluded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "intranet.example")
    assert not urllib.request.proxy_bypass("127.0.0.1:8460")
    for name, value in without_proxy().items():
        monkeypatch.setenv(name, value)
    for host in ("127.0.0.1:8460", "localhost", "intranet.example"):
        assert urllib.request.proxy_bypass(host)
    assert not urllib.request.proxy_bypass("elsewhere.example")


@pytest.mark.parametrize(("own", "expected"), [("", "127.0.0.1,localhost"), ("a,b", "127.0.0.1,localhost,a,b")])
def test_the_environment_file_adds_to_the_shells_own(tmp_path: Path, own: str, expected: str):
    path = write_environment(Home(tmp_path / ".highway"))
    shown = subprocess.run(
        ["sh", "-euc", f'. "{path}"; echo "$NO_PROXY"'],
        env={"NO_PROXY": own, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    assert shown.stdout.strip() == expected
