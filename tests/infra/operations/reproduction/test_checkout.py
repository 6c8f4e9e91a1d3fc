"""The sources of a past run: what is refused, and what a clean folder is."""

from pathlib import Path

import pytest

from infra.contracts.errors import HighwayError
from infra.operations.pipelines.lineage import Lineage, lineage_of
from infra.operations.reproduction.checkout import NotReproducibleError, check_out, check_sources, clean_folder
from tests.support.working_copy import WorkingCopy

CODE, LOCK = ["code"], "lock"


@pytest.fixture
def copy(tmp_path: Path) -> WorkingCopy:
    return WorkingCopy.create(tmp_path / "copy", tmp_path / "nowhere")


def trained(copy: WorkingCopy, content: str) -> Lineage:
    copy.commit({"code/step.py": content, "lock": "packages"})
    return lineage_of(copy.path, code=CODE, lock=LOCK)


def fetch(copy: WorkingCopy, target: Path, lineage: Lineage) -> None:
    check_out(copy.path, target, lineage, code=CODE, lock=LOCK, tell=lambda _: None)


def test_the_sources_of_a_commit_that_no_branch_holds_any_more_are_had(copy: WorkingCopy, tmp_path: Path) -> None:
    first = trained(copy, "first")
    copy.git("commit", "-q", "--amend", "--allow-empty", "-m", "another")
    trained(copy, "second")
    check_sources(copy.path, first.commit)
    fetch(copy, tmp_path / "clean", first)
    assert (tmp_path / "clean" / "code" / "step.py").read_text() == "first"
    assert copy.git("status", "--porcelain") == ""


def test_sources_that_are_not_those_of_the_run_are_refused(copy: WorkingCopy, tmp_path: Path) -> None:
    first, second = trained(copy, "first"), trained(copy, "second")
    forged = Lineage(commit=first.commit, code_digest=second.code_digest, lock_digest=first.lock_digest)
    with pytest.raises(HighwayError, match=r"the sources of commit .* altered"):
        fetch(copy, tmp_path / "clean", forged)


@pytest.mark.parametrize(
    ("commit", "why"),
    [
        ("0123456789abcdef-dirty", "in no commit"),
        ("unknown", "no git checkout"),
        ("0123456789abcdef0123456789abcdef01234567", "no commit 0123456789ab"),
        ("--upload-pack=x", "no commit"),
    ],
)
def test_a_run_of_unknown_sources_is_refused_in_one_line(copy: WorkingCopy, commit: str, why: str) -> None:
    trained(copy, "first")
    with pytest.raises(NotReproducibleError, match=why) as refusal:
        check_sources(copy.path, commit)
    assert "\n" not in str(refusal.value)


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(NotReproducibleError, match="not empty"), clean_folder(tmp_path / "workshop", tmp_path):
        pass
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_folder_that_was_asked_for_is_kept(tmp_path: Path) -> None:
    with clean_folder(tmp_path / "workshop", tmp_path / "into") as folder:
        (folder / "made").touch()
    assert (tmp_path / "into" / "made").exists()


def test_what_a_killed_reproduction_left_is_gone_and_two_do_not_meet(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "left").touch()
    with clean_folder(tmp_path, None) as folder:
        assert list(folder.iterdir()) == []
        with pytest.raises(NotReproducibleError, match="another run"), clean_folder(tmp_path, None):
            pass
    assert not folder.exists()


def test_an_interrupted_reproduction_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with clean_folder(tmp_path, None) as folder:
            (folder / "made").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not (tmp_path / "run").exists()
