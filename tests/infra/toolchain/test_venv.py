"""The venv is the lock's, is made again when the lock changes, and is never taken for done when it is half done."""

import io
import os
import sys
from pathlib import Path

import pytest

from infra.toolchain.cache import Cache
from infra.toolchain.errors import ToolchainError
from infra.toolchain.progress import Progress
from infra.toolchain.venv import Venv

# Stands in for uv: notes what it is asked, makes a "venv" that is this Python, and fails at the word in FAIL.
UV = f"""#!/bin/sh
echo "$*" >> "$UV_LOG"
if [ -n "$UV_FAIL" ]; then
    case "$*" in *"$UV_FAIL"*)
        echo "error: Failed to fetch" >&2
        echo "  Caused by: no route to the registry" >&2
        exit 2;;
    esac
fi
if [ "$1" = venv ]; then
    for folder in "$@"; do :; done
    mkdir -p "$folder/bin"
    ln -s {os.path.realpath(sys.executable)} "$folder/bin/python"
fi
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UV_LOG", str(tmp_path / "log"))
    monkeypatch.delenv("UV_FAIL", raising=False)
    return tmp_path / "log"


@pytest.fixture
def venv(tmp_path: Path) -> Venv:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "highway.lock").write_text("a==1 \\\n    --hash=sha256:00\nb==2\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    return Venv(tmp_path, tmp_path / ".highway", Cache(tmp_path / "cache"))


def sync(venv: Venv) -> None:
    uv = venv.repo / "uv"
    uv.write_text(UV)
    uv.chmod(0o755)
    with Progress(io.StringIO()).task("packages") as task:
        venv.sync(uv, task)


def asked(log: Path) -> list[str]:
    words = [line.split() for line in log.read_text().splitlines()]
    return [line[0] if line[0] == "venv" else line[1] for line in words]


def test_it_is_made_synced_with_hashes_and_the_repo_installed(venv: Venv, log: Path) -> None:
    assert not venv.is_current()
    sync(venv)
    assert venv.is_current()
    assert asked(log) == ["venv", "sync", "install"]
    _, synced, installed = log.read_text().splitlines()
    assert "--require-hashes" in synced
    assert "--no-build-isolation" in installed, "isolation would ask the network for the build backend"


def test_an_unchanged_lock_asks_for_nothing_and_a_changed_one_for_a_sync(venv: Venv, log: Path) -> None:
    sync(venv)
    log.unlink()
    (venv.repo / "requirements" / "highway.lock").write_text("a==2\n")
    assert not venv.is_current()
    sync(venv)
    assert asked(log) == ["sync", "install"], "the venv itself is kept"


@pytest.mark.parametrize("step", ["venv", "sync", "install"])
def test_a_failure_is_one_line_and_leaves_nothing_that_looks_done(
    venv: Venv, log: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    sync(venv)
    (venv.repo / "pyproject.toml").write_text("[project]\nname = 'new'\n")
    if step == "venv":
        venv.python.unlink()
    monkeypatch.setenv("UV_FAIL", {"venv": "venv --python", "sync": "pip sync", "install": "pip install"}[step])
    with pytest.raises(ToolchainError, match=r"no route to the registry.*check the network") as caught:
        sync(venv)
    assert "\n" not in str(caught.value)
    assert not venv.is_current()
    monkeypatch.delenv("UV_FAIL")
    sync(venv)
    assert venv.is_current()


def test_a_venv_of_another_python_is_made_anew(venv: Venv, log: Path) -> None:
    sync(venv)
    venv.python.unlink()
    venv.python.write_text("#!/bin/sh\necho /usr/bin/python2 '(2, 7, 18)'\n")
    venv.python.chmod(0o755)
    log.unlink()
    sync(venv)
    assert asked(log) == ["venv", "sync", "install"]


def test_going_back_to_the_old_lock_after_a_half_done_sync_syncs_again(
    venv: Venv, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(venv)
    lock = venv.repo / "requirements" / "highway.lock"
    old = lock.read_text()
    lock.write_text("a==2\n")
    monkeypatch.setenv("UV_FAIL", "pip sync")
    with pytest.raises(ToolchainError):
        sync(venv)
    lock.write_text(old)
    assert not venv.is_current()
