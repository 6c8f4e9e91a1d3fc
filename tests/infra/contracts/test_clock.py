"""A replay drives the past through the present, and every process of it sees the same moment."""

from datetime import UTC, datetime, timedelta

import pytest

from infra.contracts.clock import (
    REPLAY_VARIABLE,
    ReplayAnchor,
    ReplayAnchorError,
    ReplayClock,
    SystemClock,
    clock_from_environment,
)

WORLD = datetime(2013, 10, 1, tzinfo=UTC)


def test_without_a_replay_the_worlds_time_is_the_walls(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(REPLAY_VARIABLE, raising=False)
    clock = clock_from_environment()
    assert clock == SystemClock()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert clock.scaled_seconds(60) == 60


def test_a_replay_runs_at_its_speed_from_its_anchor(monkeypatch: pytest.MonkeyPatch):
    anchor = ReplayAnchor(world=WORLD, real=SystemClock().now() - timedelta(seconds=10), speed=3600)
    monkeypatch.setenv(REPLAY_VARIABLE, anchor.model_dump_json())
    clock = clock_from_environment()
    assert isinstance(clock, ReplayClock)
    assert clock.is_replay
    assert timedelta(hours=10) <= clock.now() - WORLD < timedelta(hours=40)
    assert clock.scaled_seconds(3600) == 1


@pytest.mark.parametrize("value", ["yesterday", "{}", '{"world": "2013-10-01", "real": "2026-01-01", "speed": 0}'])
def test_a_malformed_replay_is_refused_with_the_fix(monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.setenv(REPLAY_VARIABLE, value)
    with pytest.raises(ReplayAnchorError, match=r"unset it, or give JSON with world, real and speed"):
        clock_from_environment()
