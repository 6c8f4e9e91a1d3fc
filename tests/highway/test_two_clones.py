"""Two clones run side by side and never touch each other."""

from pathlib import Path

import pytest

from infra.local.ports import Ports
from tests.support.live import Highway, clone

pytestmark = [pytest.mark.proof, pytest.mark.live]


def test_a_second_clone_gets_ports_of_its_own_and_its_down_leaves_the_first_alone(
    live_highway: Highway, tmp_path: Path
):
    before = live_highway.status()["workloads"]
    with clone(tmp_path) as second:
        second.run("up", "--platform-only")
        status = second.status()
        assert status["is_healthy"]
        theirs = {port for port, _ in Ports(second.home).leased()}
        ours = {port for port, _ in Ports(live_highway.home).leased()}
        assert len(theirs) >= 9
        assert theirs.isdisjoint(ours)
        second.run("down", "--purge", "--yes")
        assert list(Ports(second.home).leased()) == []
        kept = {path.name for path in second.home.root.iterdir()}
        assert kept <= {"venv", "tools", "cache", "footprint"}, "purge keeps nothing but tools"
    assert live_highway.status()["workloads"] == before


def test_a_folder_with_a_long_name_and_a_space_is_a_good_place(tmp_path: Path):
    folder = tmp_path / ("a long name " * 8).strip()
    folder.mkdir()
    with clone(folder) as highway:
        highway.run("up", "--platform-only")
        assert highway.status()["is_healthy"]
