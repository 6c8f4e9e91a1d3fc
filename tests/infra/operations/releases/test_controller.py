"""The release controller's decisions, and that a kill between any two of its effects changes nothing."""

from datetime import timedelta

import pytest

from infra.contracts.release import CanaryStep
from infra.operations.releases.controller import PROBLEMS_IN_A_ROW
from infra.operations.releases.state import Phase, StateError, StateFile
from tests.support.releases import World, address, release

ONE, TWO, THREE = release("1"), release("2"), release("3")
CANARY = [("announced", 0), ("shifting", 10), ("shifting", 50), ("promoted", 100)]


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """A killed process loses nothing that it wrote; only a power cut would."""
    monkeypatch.setattr("os.fsync", lambda handle: None)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def serving_one(world):
    assert world.turns(ONE).phase is Phase.PROMOTED
    world.forget_events()
    return world


def shifting_two(world):
    for _ in range(10):
        if world.turns(TWO, count=1, seconds=0).phase is Phase.SHIFTING:
            return world
    raise AssertionError("never got to shifting")


def test_the_first_release_serves_everything_at_once(world):
    state = world.turns(ONE)
    assert (state.phase, state.stable.release) == (Phase.PROMOTED, ONE)
    assert world.weights == (address(ONE), None, 0)
    assert world.told == [("announced", 0), ("promoted", 100)]


def test_a_canary_holds_each_step_and_the_old_revision_is_stopped_at_the_end(serving_one):
    world = serving_one
    seen = []
    for _ in range(40):
        world.turns(TWO, count=1)
        if not seen or seen[-1][1] != world.weights:
            seen.append((world.clock.time, world.weights))
    assert [weights for _, weights in seen] == [
        (address(ONE), None, 0),
        (address(ONE), address(TWO), 10),
        (address(ONE), address(TWO), 50),
        (address(TWO), None, 0),
    ]
    assert seen[2][0] - seen[1][0] >= timedelta(seconds=2)
    assert seen[3][0] - seen[2][0] >= timedelta(seconds=2)
    assert set(world.running) == {TWO.revision}
    assert world.told == CANARY


def test_every_event_tells_both_times_and_what_it_is_about(serving_one):
    serving_one.turns(TWO.model_copy(update={"commit": "abc"}))
    first, *_, last = serving_one.events.values()
    assert (first.subject, first.commit, first.outcome, first.duration_seconds) == ("app", "abc", "started", None)
    assert last.summary == "app 2 serves every request"
    assert last.outcome == "passed"
    assert last.duration_seconds == (last.event_time - first.event_time).total_seconds() > 4
    assert len({event.release_id for event in serving_one.events.values()}) == 1


def test_a_candidate_that_never_gets_ready_is_rolled_back_and_not_tried_again(serving_one):
    serving_one.broken = {"2"}
    state = serving_one.turns(TWO)
    assert (state.phase, state.reason) == (Phase.ROLLED_BACK, "2 was not ready in time")
    assert serving_one.weights == (address(ONE), None, 0)
    assert set(serving_one.running) == {ONE.revision}
    assert serving_one.told == [("announced", 0), ("rolled_back", 0)]
    serving_one.broken = set()
    assert serving_one.turns(TWO).phase is Phase.ROLLED_BACK, "the same intent is not tried again"
    assert serving_one.turns(TWO.model_copy(update={"name": "second-try"})).phase is Phase.PROMOTED


def test_a_first_release_that_fails_leaves_nothing_behind(world):
    world.broken = {"1"}
    assert world.turns(ONE).phase is Phase.ROLLED_BACK
    assert (world.weights, world.running) == ((None, None, 0), {})


def test_a_candidate_that_gets_unhealthy_is_rolled_back(serving_one):
    world = shifting_two(serving_one)
    world.problems["2"] = "does not answer"
    state = world.turns(TWO, count=PROBLEMS_IN_A_ROW, seconds=0.1)
    assert (state.phase, state.reason) == (Phase.ROLLED_BACK, "does not answer")
    assert world.weights == (address(ONE), None, 0)
    assert TWO.revision in world.running, "requests under way are let finish"
    world.turns(TWO)
    assert set(world.running) == {ONE.revision}


def test_one_slow_answer_rolls_nothing_back_but_holds_the_step(serving_one):
    world = shifting_two(serving_one)
    for _ in range(10):
        world.problems["2"] = "slow"
        world.turns(TWO, count=PROBLEMS_IN_A_ROW - 1, seconds=1)
        assert world.controller.state.phase is Phase.SHIFTING
        assert world.controller.state.step == 0 or world.told
        world.problems.clear()
        world.turns(TWO, count=1, seconds=0)
        if world.controller.state.phase is Phase.PROMOTED:
            break
    assert world.turns(TWO).phase is Phase.PROMOTED


def test_the_same_intent_written_again_changes_no_weight(serving_one):
    world = shifting_two(serving_one)
    before, written = world.weights, world.states.path.stat().st_mtime_ns
    again = type(TWO).model_validate_json(TWO.model_dump_json())
    world.turns(again, count=10, seconds=0)
    assert world.weights == before
    assert world.states.path.stat().st_mtime_ns == written


def test_a_newer_intent_in_the_middle_supersedes_the_candidate(serving_one):
    world = shifting_two(serving_one)
    state = world.turns(THREE, count=1, seconds=0)
    assert state.phase is Phase.ROLLED_BACK
    assert "superseded by 3" in state.reason
    assert world.weights == (address(ONE), None, 0)
    assert world.turns(THREE).stable.release == THREE
    assert set(world.running) == {THREE.revision}


def test_back_to_the_stable_version_in_the_middle_only_drops_the_candidate(serving_one):
    world = shifting_two(serving_one)
    state = world.turns(ONE)
    assert (state.phase, state.stable.release) == (Phase.ROLLED_BACK, ONE)
    assert (world.weights, set(world.running)) == ((address(ONE), None, 0), {ONE.revision})
    assert world.turns(TWO).phase is Phase.PROMOTED, "what was superseded has not failed"


def test_a_revision_on_its_way_out_is_taken_back(serving_one):
    world = shifting_two(serving_one)
    world.turns(ONE, count=1, seconds=0)
    world.turns(TWO, seconds=0.1, count=200)
    assert (world.weights, set(world.running)) == ((address(TWO), None, 0), {TWO.revision})


def test_a_new_label_on_the_same_template_moves_nothing(serving_one):
    relabelled = ONE.model_copy(update={"version": "1.0"})
    state = serving_one.turns(relabelled)
    assert (state.phase, state.stable.release.version) == (Phase.PROMOTED, "1.0")
    assert serving_one.told == []


def test_without_an_intent_the_app_is_stopped(serving_one):
    state = serving_one.turns(None)
    assert (state.phase, state.stable, state.retiring) == (Phase.IDLE, None, ())
    assert (serving_one.weights, serving_one.running) == ((None, None, 0), {})


def test_withdrawn_in_the_middle_stops_both(serving_one):
    shifting_two(serving_one).turns(None)
    assert (serving_one.weights, serving_one.running) == ((None, None, 0), {})


def test_a_release_without_steps_goes_to_everything(serving_one):
    serving_one.turns(release("2", steps=()))
    assert serving_one.told == [("announced", 0), ("promoted", 100)]


def test_a_step_of_a_hundred_percent_sends_everybody_before_it_promotes(serving_one):
    serving_one.turns(release("2", steps=(CanaryStep(weight_percent=100, hold_seconds=1),)))
    assert serving_one.told == [("announced", 0), ("shifting", 100), ("promoted", 100)]


def test_a_split_that_somebody_changed_is_put_right(serving_one):
    serving_one.split.set(None)
    serving_one.turns(ONE, count=1)
    assert serving_one.weights == (address(ONE), None, 0)


def test_after_a_reboot_the_stable_revision_is_started_again(serving_one):
    serving_one.running.clear()
    serving_one.split.set(None)
    serving_one.start_controller()
    serving_one.turns(ONE, count=1)
    assert set(serving_one.running) == {ONE.revision}
    assert serving_one.told == [], "the last event is told again, by the id under which the ledger has it"


def test_a_stable_revision_that_lost_its_port_is_followed_to_its_new_one(serving_one):
    serving_one.running = {ONE.revision: "elsewhere:81"}
    serving_one.split.set(None)
    serving_one.start_controller()
    serving_one.turns(ONE, count=1)
    assert serving_one.weights == ("elsewhere:81", None, 0)


def test_a_state_of_another_version_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "app.state.json").write_text('{"service": "app", "phase": "dancing"}')
    with pytest.raises(StateError, match="remove it to release anew"):
        StateFile.of(tmp_path, "app").load()


SCENARIOS = {
    "promoted": (TWO, set(), {}, (address(TWO), None, 0), {TWO.revision}, CANARY),
    "never ready": (TWO, {"2"}, {}, (address(ONE), None, 0), {ONE.revision}, [("announced", 0), ("rolled_back", 0)]),
    "unhealthy": (
        TWO, set(), {"2": "ill"}, (address(ONE), None, 0), {ONE.revision},
        [("announced", 0), ("shifting", 10), ("rolled_back", 0)],
    ),
    "withdrawn": (None, set(), {}, (None, None, 0), set(), []),
}  # fmt: skip


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_at_any_effect_ends_where_no_kill_does(tmp_path_factory, scenario, moment):
    intent, broken, problems, weights, running, told = SCENARIOS[scenario]

    def play(kill_at):
        world = World(tmp_path_factory.mktemp("world"))
        world.turns(ONE, count=5, seconds=1)
        world.forget_events()
        world.effects, world.broken, world.problems, world.kill_at = 0, broken, problems, kill_at
        state = world.turns(intent, count=15, seconds=1)
        assert (world.kill_at, state.candidate, state.retiring) == (None, None, ())
        assert (world.weights, set(world.running)) == (weights, running)
        assert world.told == told
        return world.effects

    for effect in range(1, play(None) + 1):
        play((effect, moment))
