"""The name of an artifact's content."""

from pathlib import Path

import pytest

from infra.contracts.artifacts import ArtifactError, digest_of_folder


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def test_the_same_files_have_the_same_digest_wherever_they_lie(tmp_path: Path):
    files = {"a.json": "1", "months/03.txt": "march"}
    here, there = write(tmp_path / "here", files), write(tmp_path / "there", dict(reversed(files.items())))
    (there / "months/03.txt").chmod(0o400)
    (there / "empty").mkdir()
    assert digest_of_folder(here) == digest_of_folder(there)


@pytest.mark.parametrize("files", [{"a": "2"}, {"b": "1"}, {"sub/a": "1"}, {"a": "1", "b": ""}, {}])
def test_another_name_or_content_is_another_digest(tmp_path: Path, files: dict[str, str]):
    assert digest_of_folder(write(tmp_path / "one", {"a": "1"})) != digest_of_folder(write(tmp_path / "other", files))


def test_a_link_is_refused(tmp_path: Path):
    (tmp_path / "a").symlink_to("/etc/hostname")
    with pytest.raises(ArtifactError, match="a is a link"):
        digest_of_folder(tmp_path)
