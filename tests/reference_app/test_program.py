"""The app's Pulumi program: its configuration, the release it declares, and the resources that come of it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from program import own_values
from reference_app.settings import load_settings
from release_config import ReleaseConfig, ReleaseConfigError
from release_spec import NAME, release_of

from infra.contracts.outputs import PlatformOutputs
from infra.contracts.release import Release
from tests.support.platform_outputs import PLATFORM

REPO = Path(__file__).parents[2]
VALUES = {
    "model_version": "3",
    "model_digest": "sha256:" + "a" * 64,
    "app_digest": "sha256:" + "b" * 64,
    "commit": "c0ffee1",
}


def _release(**change: str) -> Release:
    platform = PlatformOutputs.parse(PLATFORM)
    return release_of(ReleaseConfig.parse({**VALUES, **change}), platform.registry, platform.storage)


def test_every_problem_of_the_configuration_is_listed_with_its_key_and_what_is_allowed():
    bad = {**VALUES, "model_digest": "latest", "colour": "blue", "commit": "HEAD"}
    del bad["model_version"]
    with pytest.raises(ReleaseConfigError) as refused:
        ReleaseConfig.parse(bad)
    title, *lines = str(refused.value).splitlines()
    assert "4 problem(s)" in title
    assert sorted(line.strip() for line in lines) == [
        "colour: unknown key; the keys are model_version, model_digest, app_digest, commit, attempt, owner",
        "commit: 'HEAD' is not allowed; it is the commit of the app's code, 7 to 40 hex digits",
        "model_digest: 'latest' is not allowed; it is the model bundle's digest, sha256: and 64 lower-case hex digits",
        "model_version: missing; set it to the model's version in the registry, 1 to 64 characters, "
        "or let `highway release` set it",
    ]


def test_the_app_can_be_started_with_what_the_release_gives_it():
    release = _release()
    settings = load_settings({**release.service.environment, "PORT": "8080"})
    assert (settings.model_version, settings.app_version) == ("3", "c0ffee1")
    assert settings.bundles == Path("/h/bundles")
    assert settings.model_cache == Path("/h/data/model-cache/reference-app")
    assert settings.prediction_log == Path("/h/data/predictions/reference-app")
    assert settings.drain_notice_seconds + settings.drain_timeout_seconds < release.service.drain_seconds


def test_a_release_names_objectives_and_a_runbook_that_exist():
    service = _release().service
    documents = {yaml.safe_load(path.read_text())["metadata"]["name"] for path in REPO.glob("reference-app/slos/*")}
    assert set(service.slos) == documents
    assert service.runbook
    assert (REPO / "runbooks" / service.runbook).is_file()


def test_another_model_is_another_revision_and_the_same_is_the_same():
    assert _release().revision == _release().revision
    assert _release(model_digest="sha256:" + "d" * 64).revision != _release().revision


# In a process of its own, as a language host runs it: by the folder's path, with the folder first on the import path.
RUN = """
import asyncio, json, runpy, sys
from pulumi.runtime import mocks, set_all_config
from pulumi.runtime.stack import run_pulumi_func

folder, values, platform = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
registered = {}

class Engine(mocks.Mocks):
    def new_resource(self, args):
        registered[args.typ] = {"name": args.name, **args.inputs}
        is_reference = args.typ == "pulumi:pulumi:StackReference"
        return args.name, {**args.inputs, "outputs": {"platform": platform}} if is_reference else args.inputs

    def call(self, args):
        return {}

async def run():
    mocks.set_mocks(Engine(), project="highway-reference-app", stack="local")
    set_all_config({f"highway-reference-app:{key}": value for key, value in values.items()})
    await run_pulumi_func(lambda: runpy.run_path(folder, run_name="__main__"))

asyncio.run(run())
print(json.dumps(registered))
"""


def _run(values: dict[str, str], platform: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    arguments = [str(REPO / "reference-app"), json.dumps(values), json.dumps(platform)]
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments], cwd=folder, check=False, capture_output=True, text=True, timeout=60
    )


def test_the_program_declares_the_intent_and_no_weight(tmp_path: Path):
    ran = _run(VALUES, PLATFORM, tmp_path)
    assert ran.returncode == 0, ran.stderr
    registered = json.loads(ran.stdout)
    assert set(registered) == {
        "pulumi:pulumi:StackReference",
        "highway:workloads:Release",
        "highway:local:Route",
        "highway:local:ConfigFile",
    }
    assert registered["pulumi:pulumi:StackReference"]["name"] == "organization/digital-highway/local"
    intent = registered["highway:local:ConfigFile"]
    assert intent["path"] == f"releases/{NAME}.json"
    assert Release.model_validate_json(intent["content"]) == _release()
    assert "weight" not in json.dumps(registered["highway:local:Route"])


@pytest.mark.parametrize(
    ("values", "platform", "says"),
    [
        ({**VALUES, "app_digest": "b"}, PLATFORM, "app_digest: 'b' is not allowed; it is the app's code bundle"),
        (VALUES, {**PLATFORM, "contract_version": "0.9"}, "the platform offers outputs contract 0.9"),
    ],
)
def test_the_program_stops_with_words(values: dict[str, str], platform: dict[str, Any], says: str, tmp_path: Path):
    ran = _run(values, platform, tmp_path)
    assert ran.returncode != 0
    assert says in ran.stderr


def test_only_the_projects_own_values_are_read(monkeypatch: pytest.MonkeyPatch):
    pulumi.runtime.set_all_config({"highway-reference-app:commit": "c0ffee1", "aws:region": "eu-west-1"})
    monkeypatch.setattr("pulumi.get_project", lambda: "highway-reference-app")
    try:
        assert own_values() == {"commit": "c0ffee1"}
    finally:
        pulumi.runtime.set_all_config({})
