"""Releases as they are: real supervisor, gateway, controller and revisions, under traffic and faults."""

import sys
import time
from collections import Counter

import psutil
import pytest

from infra.contracts.events import EVENT
from infra.contracts.names import RELEASE_INFO
from infra.local.split import Split, split_directory
from infra.operations.releases.revisions import revision_name
from infra.operations.releases.state import Phase
from tests.support.release_stage import Traffic, revision, staged
from tests.support.service import free_port

pytestmark = pytest.mark.proof


@pytest.fixture(scope="module")
def stage():
    with staged() as prepared:
        yield prepared


def test_a_canary_loses_nothing_though_the_controller_is_killed_and_the_intent_written_again(stage):
    one, two = revision("1"), revision("2")
    assert stage.ask(stage.gateway)[0] == 503
    stage.want(one)
    stage.wait_for(Phase.PROMOTED, one)
    assert stage.ask(stage.gateway) == (200, "1")

    with Traffic(stage.gateway, seconds=12) as traffic:
        time.sleep(1)
        stage.want(two)
        shifting = stage.wait(lambda state: state.phase is Phase.SHIFTING and state.step == 0)
        stage.kill("releases")
        before = Split(split_directory(stage.home, "app")).read()
        assert before.weight_percent == 20
        stage.want(two)
        assert Split(split_directory(stage.home, "app")).read() == before
        done = stage.wait_for(Phase.PROMOTED, two)
    assert done.release_id == shifting.release_id, "resumed, not begun again"
    assert traffic.report.lost == []
    assert traffic.report.connections == 16
    assert Counter(answer.body for answer in traffic.report.answers).keys() == {"1", "2"}
    assert max(traffic.report.answers, key=lambda answer: answer.sent).body == "2"
    assert stage.revisions() == {revision_name(two)}
    assert [path.stem for path in stage.home.scrape_targets.glob("*.json")] == [revision_name(two)]
    print(f"\nslowest answer {traffic.report.slowest_seconds * 1000:.0f} ms")


def test_what_cannot_start_is_rolled_back_and_the_stable_revision_never_stops(stage):
    two = stage.wait(lambda state: state.phase is Phase.PROMOTED).stable
    pid = stage.supervisor.status(revision_name(two.release)).pid
    crashing = revision("3", command=(sys.executable, "-S", "-c", "raise SystemExit('no model')"))
    missing = revision("4", bundle="sha256:" + "0" * 64)
    with Traffic(stage.gateway, seconds=10) as traffic:
        stage.want(crashing)
        assert "no model" in stage.wait_for(Phase.ROLLED_BACK, crashing).reason
        stage.want(missing)
        assert "no bundle sha256:000" in stage.wait_for(Phase.ROLLED_BACK, missing).reason
    assert traffic.report.lost == []
    assert {answer.body for answer in traffic.report.answers} == {"2"}
    assert stage.supervisor.status(revision_name(two.release)).pid == pid
    assert stage.revisions() == {revision_name(two.release)}


def test_a_candidate_that_dies_while_it_is_watched_is_rolled_back(stage):
    two = stage.wait(lambda state: state.phase is not Phase.SHIFTING).stable
    five = revision("5")
    with Traffic(stage.gateway, seconds=6) as traffic:
        stage.want(five)
        stage.wait(lambda state: state.phase is Phase.SHIFTING)
        stage.kill(revision_name(five))
        reason = stage.wait_for(Phase.ROLLED_BACK, five).reason
    assert revision_name(five) in reason
    assert len(traffic.report.lost) <= 4, "at most what it had under way when it was killed"
    assert stage.ask(stage.gateway) == (200, "2")
    assert stage.revisions() == {revision_name(two.release)}
    print(f"\n{len(traffic.report.lost)} lost with the candidate; {reason}")


def test_it_shows_what_serves_and_only_one_controller_works(stage):
    status, metrics = stage.ask(stage.controller, "/metrics")
    assert status == 200
    assert f'{RELEASE_INFO}{{phase="rolled_back",revision=' in metrics
    assert 'highway_release_candidate_weight_percent{service="app"} 0.0' in metrics
    environment = psutil.Process(stage.supervisor.status("releases").pid).environ() | {"PORT": str(free_port())}
    environment.pop("HIGHWAY_WORKLOAD")
    second = psutil.Popen(["python", "-m", "infra.operations.releases"], env=environment, stderr=-1, stdin=-3)
    told = second.communicate(timeout=60)[1]
    assert told.startswith(b"another release controller works on")
    assert told.count(b"\n") == 1
    assert second.returncode == 1


def test_without_an_intent_everything_of_the_app_is_gone(stage):
    stage.want(None)
    stage.wait(lambda state: state.phase is Phase.IDLE and not state.retiring)
    assert stage.ask(stage.gateway)[0] == 503
    assert stage.revisions() == set()
    assert list(stage.home.scrape_targets.glob("*.json")) == []


def test_every_step_waits_in_the_outbox_for_the_ledger(stage):
    events = [EVENT.validate_json(path.read_text()) for path in stage.home.outbox.glob("*.json")]
    told = [
        (event.summary.split()[1], event.phase, event.candidate_weight_percent)
        for event in sorted(events, key=lambda event: event.event_time)
    ]
    assert told == [
        ("1", "announced", 0), ("1", "promoted", 100),
        ("2", "announced", 0), ("2", "shifting", 20), ("2", "shifting", 50), ("2", "promoted", 100),
        ("3", "announced", 0), ("3", "rolled_back", 0),
        ("4", "announced", 0), ("4", "rolled_back", 0),
        ("5", "announced", 0), ("5", "shifting", 20), ("5", "rolled_back", 0),
    ]  # fmt: skip
