"""Pulumi at work while a release is under way."""

import os
import subprocess
import sys

import pytest
import yaml

from infra.contracts.files import write_atomically
from infra.contracts.release import CanaryStep, Release
from infra.local.engine import environment
from infra.local.home import Home
from infra.local.secrets import PASSPHRASE_SECRET
from infra.local.split import FILE_NAME, split_directory
from infra.operations.releases.state import Phase, StateFile
from tests.support.release_stage import Traffic, revision, staged
from tests.support.service import REPO

pytestmark = pytest.mark.proof

PROGRAM = """
from pathlib import Path
import pulumi
from infra.contracts.release import Release
from infra.local.resources import ConfigFile
from infra.workloads.resources import ReleaseResource
wanted = Release.model_validate_json(Path("wanted.json").read_text())
ReleaseResource("app", pulumi.Output.from_input(wanted))
ConfigFile("other", "other.txt", Path("other.txt").read_text())
"""
PROJECT = {
    "name": "release",
    "runtime": {"name": "python", "options": {"virtualenv": sys.prefix}},
    "plugins": {"providers": [{"name": "highway", "path": str(REPO / "infra" / "local" / "provider")}]},
}


@pytest.fixture(scope="module")
def stage():
    with staged() as prepared:
        yield prepared


def test_pulumi_up_and_refresh_during_a_weight_step_change_no_weight(stage):
    """The intent and the route are Pulumi's; the split file, the state and the processes are the controller's."""
    home, project = stage.home, stage.home.repo
    tools = Home.from_environment().root / "tools"
    assert (tools / "bin" / "pulumi").exists(), "no pulumi: run `make proof`, which gets it"
    for shared in ("tools", "venv"):
        # The language host finds its Python beside the tools.
        (home.root / shared).symlink_to(tools.parent / shared)
    write_atomically(home.secret(PASSPHRASE_SECRET), "a passphrase")
    (project / "Pulumi.yaml").write_text(yaml.safe_dump(PROJECT))
    (project / "__main__.py").write_text(PROGRAM)

    def declare(release: Release, other: str) -> None:
        (project / "wanted.json").write_text(release.model_dump_json())
        (project / "other.txt").write_text(other)

    def pulumi(*arguments: str) -> str:
        done = subprocess.run(
            ["pulumi", "--non-interactive", "--cwd", project, *arguments],
            env=os.environ | environment(home),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    home.state.mkdir()
    pulumi("stack", "select", "local", "--create")
    declare(revision("6"), "before")
    pulumi("up", "--yes", "--skip-preview")
    stage.wait_for(Phase.PROMOTED, revision("6"))
    slow = revision("7").model_copy(update={"steps": (CanaryStep(weight_percent=25, hold_seconds=60),)})
    declare(slow, "before")
    pulumi("up", "--yes", "--skip-preview")
    shifting = stage.wait(lambda state: state.phase is Phase.SHIFTING)
    split = split_directory(home, "app") / FILE_NAME

    def observed():
        pids = {name: stage.supervisor.status(name).pid for name in stage.revisions()}
        return split.read_text(), split.stat().st_mtime_ns, pids, StateFile.of(home.releases, "app").load()

    before = observed()
    assert before[0].startswith("25 ")
    with Traffic(stage.gateway, seconds=10) as traffic:
        assert "5 unchanged" in pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
        pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
        declare(slow, "after")
        assert "1 updated" in pulumi("up", "--yes", "--skip-preview")
    assert observed() == before
    assert before[3] == shifting
    assert traffic.report.lost == []
    pulumi("destroy", "--yes", "--skip-preview")
    stage.wait(lambda state: state.phase is Phase.IDLE and not state.retiring)
    assert stage.revisions() == set()
