"""Which changes of a repo change what a run is of."""

import subprocess
from pathlib import Path

import pytest

from infra.contracts.pipelines import UNKNOWN_COMMIT
from infra.operations.pipelines.lineage import lineage_of


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("a = 1\n")
    (tmp_path / "lock").write_text("x==1\n")
    (tmp_path / "README").write_text("hello\n")
    return tmp_path


def commit(repo: Path) -> None:
    name = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "."], [*name, "commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", "-C", str(repo), *words], check=True)


def test_only_code_changes_the_code_digest(repo: Path) -> None:
    before = lineage_of(repo, code=["code"], lock="lock")
    (repo / "README").write_text("changed\n")
    (repo / "code" / "a.pyc").write_text("compiled")
    assert lineage_of(repo, code=["code"], lock="lock") == before
    (repo / "code" / "a.py").write_text("a = 2\n")
    assert lineage_of(repo, code=["code"], lock="lock").code_digest != before.code_digest


def test_a_renamed_file_changes_the_code_digest(repo: Path) -> None:
    before = lineage_of(repo, code=["code"], lock="lock")
    (repo / "code" / "a.py").rename(repo / "code" / "b.py")
    assert lineage_of(repo, code=["code"], lock="lock").code_digest != before.code_digest


def test_the_lock_has_its_own_digest(repo: Path) -> None:
    before = lineage_of(repo, code=["code"], lock="lock")
    (repo / "lock").write_text("x==2\n")
    after = lineage_of(repo, code=["code"], lock="lock")
    assert (after.code_digest, after.lock_digest != before.lock_digest) == (before.code_digest, True)


def test_the_commit_says_when_the_code_differs_from_it(repo: Path) -> None:
    assert lineage_of(repo, code=["code"], lock="lock").commit == UNKNOWN_COMMIT
    commit(repo)
    clean = lineage_of(repo, code=["code"], lock="lock").commit
    assert len(clean) == 40
    (repo / "README").write_text("changed\n")
    assert lineage_of(repo, code=["code"], lock="lock").commit == clean
    (repo / "code" / "a.py").write_text("a = 2\n")
    assert lineage_of(repo, code=["code"], lock="lock").commit == f"{clean}-dirty"


def test_a_missing_path_is_no_empty_one(repo: Path) -> None:
    with pytest.raises(FileNotFoundError):
        lineage_of(repo, code=["code"], lock="gone")
