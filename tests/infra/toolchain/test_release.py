"""What is taken out of an archive, and what never is."""

import io
import tarfile
from pathlib import Path

import pytest

from infra.toolchain.errors import ToolchainError
from infra.toolchain.release import unpack


def archive(path: Path, members: dict[str, bytes | None]) -> Path:
    """A tar.gz; a member without content is a link to /etc/passwd."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.mode = 0o755
            if content is None:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            else:
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content or b""))
    return path


def unpacked(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_only_what_is_kept_is_unpacked_without_its_top_folder(tmp_path: Path) -> None:
    members = {"p/pulumi": b"1", "p/pulumi-language-python": b"2", "p/pulumi-language-go": b"3", "p/README": b"4"}
    target = tmp_path / "out"
    target.mkdir()
    unpack(archive(tmp_path / "a.tgz", members), target, keep=("pulumi", "pulumi-*python*"), strip_components=1)
    assert unpacked(target) == ["pulumi", "pulumi-language-python"]
    assert (target / "pulumi").stat().st_mode & 0o111


def test_links_are_left_out(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    unpack(archive(tmp_path / "a.tgz", {"tool": b"1", "evil": None}), target, keep=("*",), strip_components=0)
    assert unpacked(target) == ["tool"]


@pytest.mark.parametrize("name", ["../evil", "bin/../../evil"])
def test_a_member_that_leaves_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    target = tmp_path / "out"
    target.mkdir()
    with pytest.raises(ToolchainError, match="leaves its folder"):
        unpack(archive(tmp_path / "a.tgz", {name: b"1"}), target, keep=("*",), strip_components=0)
    assert unpacked(tmp_path) == ["a.tgz"]
