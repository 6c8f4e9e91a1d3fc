"""What a newcomer does: up, look, predict, up again, down. Real engine, real services, real data."""

import json
import urllib.request

import pytest

from infra.local.footprint import new_files
from infra.local.processes import listening_ports, marked
from tests.support.live import Highway

pytestmark = pytest.mark.live

FLIGHT = {
    "date": "2013-12-23",
    "scheduled_departure": "19:00",
    "scheduled_arrival": "22:10",
    "carrier": "UA",
    "origin": "EWR",
    "destination": "ORD",
}
EVERY_SERVICE = {
    "alertmanager",
    "cockpit",
    "exporter",
    "gateway",
    "ledger",
    "mlflow",
    "prometheus",
    "releases",
    "runner",
}


def test_everything_runs_and_says_so(live_highway: Highway):
    status = live_highway.status()
    assert status["is_healthy"]
    names = {workload["name"] for workload in status["workloads"]}
    assert names >= EVERY_SERVICE
    assert any(name.startswith("reference-app-") for name in names)
    shown = live_highway.run("status")
    assert "flight-delay version 1" in shown
    assert "336,776 rows" in shown


def test_the_released_app_predicts_with_the_model_that_was_trained(live_highway: Highway):
    status = live_highway.status()
    answer = live_highway.predict(FLIGHT)
    assert 0 < answer["probability_late"] < 1
    assert answer["model_version"] == status["training"]["version"]
    assert answer["model_digest"] == status["training"]["digest"]


def test_the_cockpit_shows_what_truly_happened(live_highway: Highway):
    with urllib.request.urlopen(live_highway.url("monitoring", "cockpit_url") + "/api/lanes", timeout=10) as answer:
        lanes = {lane["lane"]: lane for lane in json.load(answer)}
    assert set(lanes) == {"CI", "CD", "CM", "CT"}
    assert lanes["CT"]["last_event"]["kind"] == "training_run"
    assert lanes["CD"]["state"] == "green"
    assert lanes["CD"]["last_event"]["kind"] == "release_step"


def test_a_second_up_changes_nothing_and_trains_nothing(live_highway: Highway):
    before = {workload["name"]: workload for workload in live_highway.status()["workloads"]}
    pids = {process.pid for process in marked(live_highway.home.root)}
    live_highway.run("up")
    assert {process.pid for process in marked(live_highway.home.root)} == pids
    assert {workload["name"]: workload for workload in live_highway.status()["workloads"]} == before
    trained = json.loads(live_highway.run("train", "--json"))
    assert trained["result"]["version"] == "1"
    assert trained["is_unchanged"]


def test_pulumi_itself_works_as_a_platform_engineer_expects(live_highway: Highway):
    script = ". .highway/env && pulumi preview --expect-no-changes && pulumi stack output platform --json"
    shown = live_highway.shell(["bash", "-c", script])
    assert '"contract_version":' in shown
    for program in ("pipelines", "reference-app"):
        live_highway.pulumi("preview", "--expect-no-changes", program=program)


def test_nothing_listens_beyond_loopback(live_highway: Highway):
    processes = marked(live_highway.home.root)
    assert len(processes) >= len(EVERY_SERVICE)
    beyond = [
        (process.name(), connection.laddr)
        for process in processes
        for connection in process.net_connections("inet")
        if connection.status == "LISTEN" and connection.laddr.ip not in ("127.0.0.1", "::1")
    ]
    assert beyond == []
    assert any(listening_ports(process) for process in processes), "the check sees no listener at all"


def test_no_file_is_made_outside_of_the_home(live_highway: Highway):
    assert new_files(live_highway.home) == []


@pytest.mark.proof
def test_down_leaves_nothing_and_keeps_the_data(live_highway: Highway):
    told = live_highway.run("down")
    assert "no process and no port is left" in told
    assert marked(live_highway.home.root) == []
    assert live_highway.run("status", expect=1).count("the highway is not up") == 1
    live_highway.run("down")
    live_highway.run("up")
    status = live_highway.status()
    assert status["is_healthy"]
    assert status["training"]["version"] == "1", "nothing was trained again"
    assert live_highway.predict(FLIGHT)["model_version"] == "1"
