"""The provider's protocol over a real kind: files. (Processes and routes go through the engine in tests/proof.)"""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental import provider as protocol
from pulumi.provider.experimental.property_value import PropertyValue

from infra.local.home import Home
from infra.local.provider.kinds import kinds
from infra.local.provider.provider import HighwayProvider

URN = "urn:pulumi:local::p::highway:workloads:Service$highway:local:ConfigFile::rules"
PROCESS_URN = "urn:pulumi:local::p::highway:local:Process::web"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / ".highway")


@pytest.fixture
def provider(home: Home) -> HighwayProvider:
    return HighwayProvider(kinds(home))


def properties(**values: Any) -> dict[str, PropertyValue]:
    return {name: PropertyValue(value) for name, value in values.items()}


def create(provider: HighwayProvider, inputs: dict[str, PropertyValue]) -> protocol.CreateResponse:
    return asyncio.run(provider.create(protocol.CreateRequest(URN, inputs, 0, preview=False)))


def read(provider: HighwayProvider, identity: str, inputs: dict[str, PropertyValue]) -> protocol.ReadResponse:
    return asyncio.run(provider.read(protocol.ReadRequest(URN, identity, inputs, inputs)))


def diff(
    provider: HighwayProvider, old: dict[str, PropertyValue], new: dict[str, PropertyValue]
) -> protocol.DiffResponse:
    return asyncio.run(provider.diff(protocol.DiffRequest(URN, "id", old, new, [])))


FILE = properties(path="rules/a.yml", content="groups: []\n", notify=None)


def test_create_writes_and_delete_removes(provider: HighwayProvider, home: Home):
    created = create(provider, FILE)
    assert created.resource_id == "rules/a.yml"
    assert (home.run / "rules/a.yml").read_text() == "groups: []\n"
    asyncio.run(provider.delete(protocol.DeleteRequest(URN, "rules/a.yml", FILE, 0)))
    assert not (home.run / "rules/a.yml").exists()


def test_a_preview_touches_nothing(provider: HighwayProvider, home: Home):
    asyncio.run(provider.create(protocol.CreateRequest(URN, FILE, 0, preview=True)))
    assert not home.run.exists()


def test_refresh_sees_a_removed_and_an_edited_file(provider: HighwayProvider, home: Home):
    create(provider, FILE)
    unchanged = read(provider, "rules/a.yml", FILE)
    assert unchanged.inputs == FILE
    (home.run / "rules/a.yml").write_text("edited")
    edited = read(provider, "rules/a.yml", FILE)
    assert edited.inputs["content"].value == "edited"
    assert diff(provider, edited.inputs, FILE).changes
    (home.run / "rules/a.yml").unlink()
    assert read(provider, "rules/a.yml", FILE).resource_id == ""


def test_what_exists_can_be_imported_by_its_name(provider: HighwayProvider):
    create(provider, FILE)
    imported = read(provider, "rules/a.yml", {})
    assert imported.inputs["content"].value == "groups: []\n"
    assert imported.inputs["path"].value == "rules/a.yml"


def test_diff_names_what_changed_and_replaces_what_was_renamed(provider: HighwayProvider):
    assert not diff(provider, FILE, FILE).changes
    changed = diff(provider, FILE, {**FILE, "content": PropertyValue("x")})
    assert (changed.changes, changed.diffs, changed.replaces) == (True, ["content"], [])
    assert diff(provider, FILE, {**FILE, "path": PropertyValue("rules/b.yml")}).replaces == ["path"]


@pytest.mark.parametrize("path", ["../escape", "/etc/passwd", "a/../../b"])
def test_no_file_outside_of_the_home_is_written(provider: HighwayProvider, tmp_path: Path, path: str):
    bad = {**FILE, "path": PropertyValue(path)}
    answer = asyncio.run(provider.check(protocol.CheckRequest(URN, {}, bad, b"")))
    with pytest.raises(ValueError, match="path"):
        create(provider, bad)
    assert answer.failures or path == "a/../../b"
    assert not (tmp_path / "escape").exists()


def test_check_reports_every_problem_of_a_spec_with_its_place(provider: HighwayProvider):
    spec = PropertyValue({"name": PropertyValue("Bad Name"), "command": PropertyValue([])})
    answer = asyncio.run(provider.check(protocol.CheckRequest(PROCESS_URN, {}, {"spec": spec}, b"")))
    assert answer.failures is not None
    places = {failure.property for failure in answer.failures}
    assert {"spec.name", "spec.command", "spec.owner", "spec.data_classification"} <= places


def test_an_unknown_value_at_preview_is_not_an_error(provider: HighwayProvider):
    unknown = {**FILE, "content": PropertyValue.computed()}
    answer = asyncio.run(provider.check(protocol.CheckRequest(URN, {}, unknown, b"")))
    assert not answer.failures
    assert diff(provider, FILE, unknown).changes


def test_an_unknown_type_is_refused_with_those_that_there_are(provider: HighwayProvider):
    with pytest.raises(ValueError, match="no resource type highway:local:Nope; it has highway:local:ConfigFile"):
        asyncio.run(provider.delete(protocol.DeleteRequest("urn:pulumi:l::p::highway:local:Nope::x", "x", {}, 0)))
