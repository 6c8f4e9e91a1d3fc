"""The bare repo and its hook: real git, and no runner alive."""

import subprocess

import pytest

from infra.local.home import Home
from infra.operations.runner.repository import Repository, RepositoryError
from infra.operations.runner.spool import Spool
from tests.support.working_copy import WorkingCopy


@pytest.fixture
def repository(tmp_path):
    repository = Repository(Home(tmp_path / "a home"))
    repository.ensure()
    return repository


@pytest.fixture
def clone(repository, tmp_path):
    return WorkingCopy.create(tmp_path / "clone", repository.path)


def waiting(repository):
    return [(push.branch, push.commit) for push in Spool(repository.spool).waiting()]


def test_a_push_waits_in_the_spool_and_the_pusher_is_told_where_to_look(repository, clone):
    first = clone.commit({"a": "1"})
    said = clone.push()
    second = clone.commit_and_push({"a": "2"})
    assert waiting(repository) == [("main", first), ("main", second)]
    assert f"main at {first[:10]} waits for its checks" in said
    assert str(repository.home.logs / "ci") in said


def test_every_branch_of_one_push_waits_and_nothing_else_does(repository, clone):
    commit = clone.commit({"a": "1"})
    clone.git("tag", "v1")
    clone.git("branch", 'fix/"quoted"-ü')
    clone.push("main", 'fix/"quoted"-ü', "v1")
    assert sorted(waiting(repository)) == [('fix/"quoted"-ü', commit), ("main", commit)]
    clone.push(':fix/"quoted"-ü')
    assert len(waiting(repository)) == 2, "a branch that is removed has nothing to check"


def test_a_user_s_own_hooks_folder_does_not_replace_ours(repository, clone, tmp_path, monkeypatch):
    settings = tmp_path / "gitconfig"
    settings.write_text(f"[core]\n\thooksPath = {tmp_path / 'none'}\n")
    commit = clone.commit({"a": "1"})
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    subprocess.run(["git", "push", "-q", repository.path, "main"], cwd=clone.path, check=True)
    assert waiting(repository) == [("main", commit)]


def test_a_full_disk_does_not_refuse_the_push_but_says_so(repository, clone):
    repository.spool.rmdir()
    repository.spool.write_text("a file where the folder should be")
    clone.commit({"a": "1"})
    assert "could not be queued" in clone.push()


def test_ensuring_again_keeps_the_history_and_mends_the_hook(repository, clone):
    clone.commit_and_push({"a": "1"})
    (repository.path / "hooks" / "post-receive").write_text("#!/bin/sh\n")
    repository.ensure()
    second = clone.commit_and_push({"a": "2"})
    assert waiting(repository)[-1] == ("main", second)
    assert clone.git("ls-remote", str(repository.path), "main").startswith(second)


def test_a_commit_that_a_later_push_replaced_can_still_be_checked_out(repository, clone, tmp_path):
    first = clone.commit_and_push({"a": "1"})
    clone.git("checkout", "-q", "--orphan", "other")
    clone.commit({"a": "2"})
    clone.push("other:main")
    repository.check_out(first, "main", tmp_path / "tree")
    assert (tmp_path / "tree" / "a").read_text() == "1"


def test_a_commit_that_is_not_there_is_one_clear_error(repository, tmp_path):
    with pytest.raises(RepositoryError, match="git checkout: .*" + "a" * 40):
        repository.check_out("a" * 40, "main", tmp_path / "tree")
