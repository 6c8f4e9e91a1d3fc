"""`highway down --purge` claims only what is so."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli.app import app
from infra.local.home import Home
from infra.local.ports import Ports


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = Home(tmp_path / "repo" / ".highway")
    made.data.mkdir(parents=True)
    monkeypatch.setenv("HIGHWAY_HOME", str(made.root))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Ports(made).lease("web")
    return made


def test_purge_removes_the_data_and_gives_the_ports_back(home: Home):
    done = CliRunner().invoke(app, ["down", "--purge", "--yes"])
    assert done.exit_code == 0
    assert not home.data.exists()
    assert list(Ports(home).leased()) == []


def test_data_that_could_not_be_removed_is_named(home: Home, monkeypatch: pytest.MonkeyPatch):
    def refused(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(shutil, "rmtree", refused)
    done = CliRunner().invoke(app, ["down", "--purge", "--yes"])
    assert str(home.data) in str(done.exception)
    assert "nothing but tools" not in done.stdout
