"""`.highway/tools/bin` and the language host in it."""

import os
from pathlib import Path

import pytest

from infra.toolchain.links import Links, Resolved


@pytest.fixture
def links(tmp_path: Path) -> Links:
    return Links(tmp_path / ".highway", "table-1")


def pulumi(folder: Path, *beside: str) -> dict[str, Resolved]:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("pulumi", *beside):
        (folder / name).write_text(f"#!/bin/sh\necho {folder.name} {name}\n")
        (folder / name).chmod(0o755)
    return {"pulumi": Resolved("pulumi", "3.259.0", "PATH", {"pulumi": str(folder / "pulumi")})}


def test_without_an_official_language_host_ours_stands_beside_pulumi(links: Links, tmp_path: Path) -> None:
    links.put(pulumi(tmp_path / "built"))
    host = links.bin / "pulumi-language-python"
    assert "-m infra.toolchain.language_host" in host.read_text()
    assert os.access(host, os.X_OK)
    # The engine looks beside its own file, links followed.
    assert (links.bin / "pulumi").resolve().parent == links.bin.resolve()


def test_an_official_language_host_is_linked_and_ours_goes(links: Links, tmp_path: Path) -> None:
    links.put(pulumi(tmp_path / "built"))
    links.put(pulumi(tmp_path / "official", "pulumi-language-python", "pulumi-language-python-exec"))
    for name in ("pulumi", "pulumi-language-python", "pulumi-language-python-exec"):
        assert (links.bin / name).resolve() == tmp_path / "official" / name
    links.put(pulumi(tmp_path / "built"))
    assert not (links.bin / "pulumi-language-python-exec").is_symlink()
    assert "infra.toolchain" in (links.bin / "pulumi-language-python").read_text()


def test_what_is_linked_and_unchanged_is_current(links: Links, tmp_path: Path) -> None:
    tools = pulumi(tmp_path / "built")
    links.put(tools)
    assert links.current() == tools
    assert Links(links.home, "table-2").current() == {}, "another table asks again"


@pytest.mark.parametrize("fault", ["pulumi", "pulumi-language-python", "record"])
def test_what_is_gone_or_spoilt_is_not_current(links: Links, tmp_path: Path, fault: str) -> None:
    links.put(pulumi(tmp_path / "built"))
    if fault == "record":
        (links.home / "tools" / "resolved.json").write_text("{")
    else:
        (links.bin / fault).unlink()
    assert links.current() == {}


def test_linking_one_tool_keeps_the_others(links: Links, tmp_path: Path) -> None:
    links.put(pulumi(tmp_path / "built"))
    other = tmp_path / "other"
    other.write_text("")
    links.put({"other": Resolved("other", "1.0.0", "PATH", {"other": str(other)})})
    assert set(links.current()) == {"pulumi", "other"}
