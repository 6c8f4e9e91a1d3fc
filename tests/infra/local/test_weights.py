"""Weights move under traffic: nothing is lost, and the shares are what was asked for."""

import asyncio
import os
import signal
import time
from collections.abc import Callable

import pytest
from scipy.stats import binom

from infra.local.gateway import Gateway, gateway_service
from infra.local.routes import Route
from infra.local.split import Split, split_directory
from infra.local.supervisor import Supervisor
from tests.support.app_process import running_app
from tests.support.flight_model import publish_model
from tests.support.gateway import running_gateway, short_home, upstream
from tests.support.traffic import BODY, Report, send

REQUESTS = 20_000
RATE = 800.0
APP_RATE = 80.0  # two apps, the gateway and the clients share two cores
WEIGHTS = (1, 5, 10, 25, 50, 75, 90, 99, 100, 50, 0, 33, 66, 10, 50, 100, 0, 20, 80, 40)
# The chance that a right split fails the test, for each weight.
ERROR = 1e-6


@pytest.fixture
def split_service(tmp_path):
    """(home, split, address of `stable`, address of `candidate`) of a routed service `app`."""
    log = tmp_path / "log"
    with short_home() as home, upstream("stable", log) as stable, upstream("candidate", log) as candidate:
        Gateway(home).put(Route(name="app", split_directory=str(split_directory(home, "app"))))
        yield home, Split(split_directory(home, "app")), stable, candidate


async def under_changing_weights(
    address: str, change: Callable[[int], None], *, rate: float = RATE, body: bytes = BODY
) -> tuple[Report, list[tuple[int, float, float]]]:
    """Traffic over all of WEIGHTS, and for each when it began to hold and when the next one was about to."""
    sending = asyncio.create_task(send(address, path="/predict", requests=REQUESTS, rate=rate, body=body))
    each = REQUESTS / rate / len(WEIGHTS)
    begin = time.monotonic() + 0.2
    held = []
    for number, weight in enumerate(WEIGHTS):
        await asyncio.sleep(begin + number * each - time.monotonic())
        await asyncio.to_thread(change, weight)
        since = time.monotonic()
        await asyncio.sleep(begin + (number + 1) * each - time.monotonic())
        held.append((weight, since, time.monotonic()))
    return await sending, held


@pytest.mark.proof
def test_20000_predictions_over_20_weight_changes_lose_nothing_and_keep_the_split(split_service):
    home, split, stable, candidate = split_service
    split.set(stable)
    with running_gateway(home) as gateway:
        address = gateway.url.removeprefix("http://")
        report, held = asyncio.run(under_changing_weights(address, lambda weight: split.set(stable, candidate, weight)))
    check(report, held, RATE, lambda body: body == "candidate")


def check(
    report: Report, held: list[tuple[int, float, float]], rate: float, is_candidate: Callable[[str], bool]
) -> None:
    """Nothing lost, no connection closed, the rate kept, and each share within its binomial bounds."""
    assert report.lost == []
    assert len(report.answers) == REQUESTS
    assert report.connections == 16, "no connection was ever closed"
    assert abs(report.requests_per_second / rate - 1) < 0.05
    print(f"\n{report.requests_per_second:.0f} requests/s, slowest {report.slowest_seconds * 1000:.0f} ms")
    for weight, since, until in held:
        answers = [answer.body for answer in report.answers if answer.sent >= since and answer.received <= until]
        got, share = sum(map(is_candidate, answers)), weight / 100
        least = binom.ppf(ERROR / 2, len(answers), share) if 0 < share < 1 else share * len(answers)
        most = binom.isf(ERROR / 2, len(answers), share) if 0 < share < 1 else share * len(answers)
        print(f"{weight:3} %: {got:4} of {len(answers)}, allowed {least:.0f} to {most:.0f}")
        assert len(answers) > 0.9 * REQUESTS / len(WEIGHTS)
        assert least <= got <= most, f"{weight} %"


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_20000_predictions_of_the_real_app_lose_nothing_either(tmp_path):
    """Slower than the stand-in above, which leaves the machine to the gateway: here each answer is a prediction."""
    model = publish_model(tmp_path / "bundles")
    settings = {"BUNDLES": (tmp_path / "bundles").as_uri(), "MODEL_DIGEST": model.digest, "APP_VERSION": "abc1234"}
    body = (
        b'{"date": "2013-12-23", "scheduled_departure": "19:00", "scheduled_arrival": "22:10",'
        b' "carrier": "UA", "origin": "EWR", "destination": "ORD"}'
    )
    with (
        short_home() as home,
        running_app({**settings, "MODEL_VERSION": "stable"}, tmp_path) as stable,
        running_app({**settings, "MODEL_VERSION": "candidate"}, tmp_path) as candidate,
    ):
        Gateway(home).put(Route(name="app", split_directory=str(split_directory(home, "app"))))
        split = Split(split_directory(home, "app"))
        addresses = [app.url.removeprefix("http://") for app in (stable, candidate)]
        split.set(addresses[0])
        with running_gateway(home) as gateway:
            traffic = under_changing_weights(
                gateway.url.removeprefix("http://"),
                lambda weight: split.set(*addresses, weight),
                rate=APP_RATE,
                body=body,
            )
            report, held = asyncio.run(traffic)
    check(report, held, APP_RATE, lambda answer: '"model_version":"candidate"' in answer)


@pytest.mark.proof
def test_a_gateway_killed_under_traffic_comes_back_with_the_same_split(split_service):
    """What is under way at the kill is lost with Caddy; what comes later waits for a connection."""
    home, split, stable, candidate = split_service
    split.set(stable, candidate, 50)
    supervisor = Supervisor(home)
    try:
        address = supervisor.apply(gateway_service(home, 8080)).address

        async def kill_under_traffic() -> tuple[Report, float]:
            sending = asyncio.create_task(send(address, path="/predict", requests=4000, rate=400))
            await asyncio.sleep(3)
            os.kill(supervisor.status("gateway").pid, signal.SIGKILL)
            killed = time.monotonic()
            return await sending, killed

        report, killed = asyncio.run(kill_under_traffic())
    finally:
        supervisor.shut_down()
    back = min(answer.received for answer in report.answers if answer.sent > killed)
    print(f"\n{len(report.lost)} lost at the kill, back after {back - killed:.1f} s")
    # What each connection had under way or found closed; and one more for each that connected as Caddy died.
    assert len(report.lost) <= 2 * 16
    assert max(lost.noticed for lost in report.lost) < back, "nothing is lost once it is back"
    assert back - killed < 10
    after = [answer.body for answer in report.answers if answer.sent > killed]
    got = after.count("candidate")
    assert len(after) > 2000
    assert binom.ppf(ERROR / 2, len(after), 0.5) <= got <= binom.isf(ERROR / 2, len(after), 0.5)
