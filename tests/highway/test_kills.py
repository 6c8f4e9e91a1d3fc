"""`kill -9` on any process, on the supervisor, on everything: the highway is back, its data with it."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from infra.local.processes import marked
from infra.local.supervisor import Supervisor
from tests.highway.test_end_to_end import EVERY_SERVICE, FLIGHT
from tests.support.live import Highway

pytestmark = pytest.mark.live

BACK_SECONDS = 10
# Where tests run in the background of a shell SIGINT is ignored, and children inherit that.
UP_WITH_CTRL_C = (
    "import os, signal; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp('highway', ['highway', 'up'])"
)


def within(seconds: float, condition: Callable[[], bool]) -> float:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"not back within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - started


def kill(process: psutil.Process) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def everything_is_ready(highway: Highway) -> bool:
    supervisor = Supervisor(highway.home)
    return all(supervisor.is_ready(name) for name in supervisor.declared())


@pytest.mark.proof
@pytest.mark.parametrize("name", sorted(EVERY_SERVICE))
def test_a_killed_service_is_back(live_highway: Highway, name: str):
    supervisor = Supervisor(live_highway.home)
    for process in marked(live_highway.home.root, name):
        kill(process)
    seconds = within(BACK_SECONDS, lambda: supervisor.is_ready(name))
    print(f"{name}: back after {seconds:.1f} s")


@pytest.mark.proof
def test_the_killed_app_is_back(live_highway: Highway):
    supervisor = Supervisor(live_highway.home)
    (name,) = (name for name in supervisor.declared() if name.startswith("reference-app-"))
    for process in marked(live_highway.home.root, name):
        kill(process)
    within(BACK_SECONDS, lambda: supervisor.is_ready(name))
    assert live_highway.predict(FLIGHT)["model_version"] == "1"


@pytest.mark.proof
def test_after_a_kill_of_the_supervisor_up_brings_it_back_with_its_state_intact(live_highway: Highway):
    before = {process.pid for process in marked(live_highway.home.root)}
    kill(psutil.Process(Supervisor(live_highway.home).rpc().getPID()))
    assert not live_highway.status()["is_healthy"]
    live_highway.run("up")
    status = live_highway.status()
    assert status["is_healthy"]
    assert status["training"]["version"] == "1"
    after = {process.pid for process in marked(live_highway.home.root)}
    assert before.isdisjoint(after), "orphans of the killed supervisor still run beside their successors"
    assert live_highway.predict(FLIGHT)["model_version"] == "1"


@pytest.mark.proof
def test_after_a_reboot_up_resumes_with_the_data(live_highway: Highway):
    for process in marked(live_highway.home.root):
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs(marked(live_highway.home.root), timeout=5)
    assert marked(live_highway.home.root) == []
    live_highway.run("up")
    status = live_highway.status()
    assert status["is_healthy"]
    assert status["training"]["version"] == "1", "nothing was trained again"
    assert live_highway.predict(FLIGHT)["model_version"] == "1"


@pytest.mark.proof
def test_a_kill_of_up_itself_is_put_right_by_the_next_up(live_highway: Highway):
    live_highway.run("down")
    for pause_seconds in (1.0, 3.0, 6.0, 12.0):
        process = subprocess.Popen(
            ["highway", "up"],
            cwd=live_highway.repo,
            env=live_highway.variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(pause_seconds)
        for child in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.send_signal(signal.SIGKILL)
        process.wait()
    live_highway.run("up")
    within(30, lambda: everything_is_ready(live_highway))
    assert live_highway.predict(FLIGHT)["model_version"] == "1"


@pytest.mark.proof
def test_ctrl_c_ends_up_in_order_and_the_next_one_goes_on(live_highway: Highway):
    live_highway.run("down")
    process = subprocess.Popen(
        [sys.executable, "-c", UP_WITH_CTRL_C],
        cwd=live_highway.repo,
        env=live_highway.variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=90)
    assert process.returncode == 130
    assert "interrupted" in told
    assert "Traceback" not in told
    assert not list((live_highway.home.state / ".pulumi" / "locks").rglob("*.json")), "the engine was not let finish"
    live_highway.run("up")
    assert live_highway.status()["is_healthy"]
