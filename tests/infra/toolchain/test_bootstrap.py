"""The bootstrap as a person meets it: every fault is one line on stderr, an exit code, and nothing half-made."""

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from infra.toolchain import bootstrap, preflight, python_package, stages
from infra.toolchain.preflight import GIBIBYTE

REPO = Path(__file__).parents[3]
# Nobody listens on the discard port: whatever asks the network gets refused at once.
NO_NETWORK = {
    **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"),
    "NO_PROXY": "",
    "no_proxy": "",
    "PIP_RETRIES": "0",
    "PIP_NO_INDEX": "0",
    "PIP_FIND_LINKS": "",
    "UV_HTTP_RETRIES": "0",
}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a clone holds as far as the bootstrap reads it."""
    for folder in ("infra", "requirements"):
        shutil.copytree(REPO / folder, tmp_path / "clone" / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPO / "pyproject.toml", tmp_path / "clone")
    # Of the machine's tools only git, so that no uv or pulumi of its own helps out.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to(shutil.which("git") or "git")
    return tmp_path / "clone"


def boot(clone: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "HOME": str(clone.parent / "home"),
        "XDG_CACHE_HOME": str(clone.parent / "cache"),
        "HIGHWAY_HOME": str(clone / ".highway"),
        "PATH": str(clone.parent / "bin"),
        **environment,
    }
    return subprocess.run(
        [os.path.realpath(sys.executable), "-m", "infra.toolchain.bootstrap", *arguments],
        check=False,
        cwd=clone,
        env={**NO_NETWORK, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    """The only line of the bootstrap's own on stderr."""
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("bootstrap: ")]
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_the_entry_can_be_read_by_an_old_python_and_imports_nothing_before_it_has_checked() -> None:
    for name in ("infra/__init__.py", "infra/toolchain/__init__.py", "infra/toolchain/bootstrap.py"):
        ast.parse((REPO / name).read_text(), feature_version=(3, 8))
    body = ast.parse((REPO / "infra/toolchain/bootstrap.py").read_text()).body
    assert [alias.name for node in body if isinstance(node, ast.Import) for alias in node.names] == ["sys"]


def test_an_old_python_is_told_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    version = namedtuple("version", "major minor micro")(3, 9, 2)
    monkeypatch.setattr(sys, "version_info", version)
    assert bootstrap.main() == 1
    assert capsys.readouterr().err == (
        "bootstrap: Python 3.9.2 is too old; install Python 3.11 or newer and run `make up PYTHON=python3.11`\n"
    )


def test_an_unknown_stage_is_refused(clone: Path) -> None:
    result = boot(clone, "everything")
    assert result.returncode == 2
    assert result.stderr == "bootstrap: takes one of uv, venv, tools\n"


def test_without_git_it_says_so_and_makes_nothing(clone: Path) -> None:
    assert one_line(boot(clone, PATH=str(clone / "empty"))).startswith("bootstrap: git is not on PATH; install git")
    assert not (clone / ".highway" / "venv").exists()


def test_a_folder_that_cannot_be_written_to_is_named(clone: Path) -> None:
    (clone / "file").write_text("")
    line = one_line(boot(clone, HIGHWAY_HOME=str(clone / "file" / ".highway")))
    assert line.startswith(f"bootstrap: cannot write to {clone}/file/.highway (Not a directory); ")


def test_a_cache_that_cannot_be_written_to_is_named(clone: Path) -> None:
    (clone / "file").write_text("")
    line = one_line(boot(clone, XDG_CACHE_HOME=str(clone / "file")))
    assert "point XDG_CACHE_HOME at a folder of your own" in line


def test_without_network_on_the_first_run_one_line_says_so(clone: Path) -> None:
    line = one_line(boot(clone, "venv"))
    assert line.startswith("bootstrap: uv is missing (Python package: ")
    assert line.endswith("or mend the network")
    assert not (clone / ".highway" / "venv").exists()


def test_without_network_but_with_uv_one_line_says_so(clone: Path) -> None:
    uv = Path(shutil.which("uv", path=str(REPO / ".highway" / "tools" / "bin")) or shutil.which("uv") or "missing")
    if not uv.exists():
        pytest.fail("no uv: run `make test`, which gets it")
    line = one_line(boot(clone, "venv", PATH=f"{uv.resolve().parent}:{clone.parent / 'bin'}"))
    assert line.startswith("bootstrap: the Python packages could not be installed (")
    assert line.endswith("check the network and run again")
    assert not (clone / ".highway" / "venv" / ".highway-stamp").exists()


def in_process(clone: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("HIGHWAY_HOME", str(clone / ".highway"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(clone.parent / "cache"))
    monkeypatch.setattr(stages.signal, "signal", lambda *_: None)
    return stages.run("venv", clone)


def test_a_full_disk_is_noticed_before_anything_is_made(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = shutil.disk_usage(clone)._replace(free=2 * GIBIBYTE)
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda folder: usage)
    assert in_process(clone, monkeypatch) == 1
    error = capsys.readouterr().err
    assert error == f"bootstrap: only 2.0 GiB free for {clone}/.highway; free up to 6 GiB\n"


def test_a_disk_that_fills_up_on_the_way_is_one_line(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fill(*_: object) -> None:
        raise OSError(28, "No space left on device", "uv")

    monkeypatch.setattr(stages.Toolchain, "ensure", fill)
    assert in_process(clone, monkeypatch) == 1
    assert capsys.readouterr().err == "bootstrap: the disk is full (uv); free some space and run again\n"


def test_a_machine_without_tools_is_refused(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "s390x")
    assert in_process(clone, monkeypatch) == 1
    assert capsys.readouterr().err.startswith(
        "bootstrap: this machine is Linux on s390x, for which there are no tools;"
    )


def test_a_python_without_pip_and_ensurepip_says_what_to_install(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in NO_NETWORK.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", str(clone.parent / "bin"))
    real = importlib.util.find_spec
    missing = ("pip", "ensurepip")
    monkeypatch.setattr(
        python_package.importlib.util, "find_spec", lambda name: None if name in missing else real(name)
    )
    assert in_process(clone, monkeypatch) == 1
    assert "apt-get install python3-venv" in capsys.readouterr().err
