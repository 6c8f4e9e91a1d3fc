"""Each thing that a machine may lack is one line with what to do."""

from pathlib import Path

import pytest

from infra.toolchain import preflight
from infra.toolchain.preflight import GIBIBYTE, Check


def test_this_machine_passes(tmp_path: Path) -> None:
    checks = preflight.before_bootstrap(tmp_path / ".highway", tmp_path / "cache", is_first_run=True)
    assert [check.line for check in checks if not check.ok] == []
    assert {check.name for check in checks} == {"python", "architecture", "git", "folder", "cache", "disk"}


def faults(tmp_path: Path) -> dict[str, Check]:
    blocked = tmp_path / "file"
    blocked.write_text("")
    return {
        "python": preflight.python((3, 10)),
        "architecture": preflight.architecture("Linux", "riscv64"),
        "git": preflight.git(lambda name: None),
        "make": preflight.make(lambda name: None),
        "folder": preflight.writable("folder", blocked / ".highway"),
        "disk": preflight.disk(tmp_path, usage=lambda folder: GIBIBYTE // 2),
    }


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("python", "Python 3.10 is too old; install Python 3.11"),
        ("architecture", "riscv64, for which there are no tools; use one of linux-amd64"),
        ("git", "git is not on PATH; install git"),
        ("make", "make is not on PATH; install make"),
        ("folder", "(Not a directory); give yourself the right"),
        ("disk", "only 0.5 GiB free for"),
    ],
)
def test_a_fault_is_one_line_with_the_fix(tmp_path: Path, name: str, words: str) -> None:
    check = faults(tmp_path)[name]
    assert not check.ok
    assert words in check.line
    assert check.fix
    assert "\n" not in check.line


def test_a_read_only_folder_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root writes anywhere, so the refusal is made where the check meets it: at the file that it tries.
    def refuse(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(preflight.tempfile, "TemporaryFile", refuse)
    check = preflight.writable("folder", tmp_path)
    assert check.line.startswith(f"cannot write to {tmp_path} (Read-only file system); ")


def test_the_disk_is_measured_before_the_folder_exists(tmp_path: Path) -> None:
    assert preflight.free_bytes(tmp_path / "not" / "yet") > 0
