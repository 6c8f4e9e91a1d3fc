"""Bad input is told in one go, with what to do, before anything is made."""

import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.support.live import Highway

pytestmark = pytest.mark.live


@pytest.fixture
def settings(live_highway: Highway) -> Iterator[Highway]:
    """The tests change the settings of the shared highway; afterwards they are what they were."""
    kept = (live_highway.home.root / "Pulumi.local.yaml").read_text()
    yield live_highway
    (live_highway.home.root / "Pulumi.local.yaml").write_text(kept)


def test_every_problem_of_a_configuration_is_listed_before_anything_changes(settings: Highway):
    for key, value in (("gatway_port", "8080"), ("cockpit_port", "99999"), ("metrics_retention_days", "soon")):
        settings.pulumi("config", "set", key, value)
    told = settings.run("up", expect=1)
    assert "3 problem(s)" in told
    assert "gatway_port: unknown key" in told
    assert "cockpit_port: '99999' is not allowed" in told
    assert "metrics_retention_days: 'soon' is not allowed" in told
    assert "Traceback" not in told
    assert settings.status()["is_healthy"]


def test_a_port_asked_for_by_name_that_is_taken_is_one_line(settings: Highway):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        settings.pulumi("config", "set", "gateway_port", port)
        told = settings.run("up", expect=1)
    assert f"port {port}, asked for by the configuration of gateway, is in use" in told
    assert "Traceback" not in told
    # The gateway still has the port that it had.
    assert settings.status()["is_healthy"]


def test_two_updates_at_once_the_second_is_refused_and_says_who_holds_it(live_highway: Highway):
    command = ["pulumi", "--non-interactive", "--cwd", str(live_highway.repo), "refresh", "--yes", "--skip-preview"]
    first = subprocess.Popen(command, env=live_highway.variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        locks = live_highway.home.state / ".pulumi" / "locks"
        deadline = time.monotonic() + 30
        while not list(locks.rglob("*.json")) and time.monotonic() < deadline:
            time.sleep(0.005)
        told = live_highway.run("up", expect=1)
        assert f"is being updated by process {first.pid}" in told
    finally:
        first.wait()
    live_highway.run("up")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["logs", "nobody"], "no log of 'nobody'; there are: "),
        (["release", "--model-version", "999"], "the registry has no flight-delay version 999"),
    ],
)
def test_a_wrong_name_is_told_with_those_that_exist(live_highway: Highway, arguments: list[str], told: str):
    shown = live_highway.run(*arguments, expect=1)
    assert told in shown
    assert "Traceback" not in shown


def test_wrong_usage_is_exit_code_2(live_highway: Highway):
    live_highway.run("fly", expect=2)
