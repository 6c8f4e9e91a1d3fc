"""Sockets: short enough for the kernel, and for one user only."""

import socket
import stat
import tempfile
from pathlib import Path

import pytest

from infra.local.home import Home
from infra.local.sockets import LONGEST_PATH_BYTES, SocketFolderError, socket_path


def bind_and_close(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    path.unlink()


@pytest.fixture
def short_folder(monkeypatch):
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="h") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_a_short_home_keeps_its_sockets_in_its_run_folder(short_folder):
    home = Home(short_folder / ".highway")
    path = socket_path(home, "gateway")
    assert path == home.run / "gateway.sock"
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    bind_and_close(path)


def test_a_long_home_gets_a_folder_of_its_own_in_the_temporary_directory(short_folder):
    homes = [Home(short_folder / (letter * 100) / ".highway") for letter in "ab"]
    paths = [socket_path(home, "gateway") for home in homes]
    assert len(set(paths)) == 2, "two clones must not share a socket"
    for path in paths:
        assert len(str(path)) <= LONGEST_PATH_BYTES
        assert path.parent.parent == short_folder
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        bind_and_close(path)


def test_a_folder_that_is_open_to_others_is_closed(short_folder):
    home = Home(short_folder / ".highway")
    home.run.mkdir(parents=True, mode=0o755)
    home.run.chmod(0o755)
    socket_path(home, "gateway")
    assert stat.S_IMODE(home.run.stat().st_mode) == 0o700


def test_a_link_in_place_of_the_folder_is_refused(short_folder):
    home = Home(short_folder / ("a" * 100) / ".highway")
    folder = socket_path(home, "gateway").parent
    folder.rmdir()
    (short_folder / "elsewhere").mkdir()
    folder.symlink_to(short_folder / "elsewhere")
    with pytest.raises(SocketFolderError, match="set TMPDIR"):
        socket_path(home, "gateway")
