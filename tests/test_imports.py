"""Imports point one way. Who breaks it has put something into the wrong room."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]
LAYERS = {
    # a room: what of our own it may import beside itself
    "infra/contracts": set(),
    "infra/config.py": {"infra.contracts"},
    "infra/kubernetes": {"infra.contracts"},
    "infra/monitoring": {"infra.contracts"},
    "infra/toolchain": set(),
    "infra/local": {"infra.contracts", "infra.toolchain"},
    "infra/operations": {"infra.contracts", "infra.local", "infra.monitoring"},
    "infra/cockpit": {"infra.contracts", "infra.operations", "infra.monitoring"},
    "infra/workloads": {"infra.contracts", "infra.local", "infra.monitoring"},
    "infra/components": {
        "infra.contracts",
        "infra.config",
        "infra.local",
        "infra.workloads",
        "infra.monitoring",
        "infra.operations",
        "infra.cockpit",
    },
    "pipelines": {"infra.contracts", "infra.workloads"},
    "reference-app/reference_app": {"infra.contracts"},
    "reference-app": {"infra.contracts", "infra.workloads", "reference_app", "release_config", "release_spec"},
}
OURS = ("infra", "pipelines", "policies", "reference_app", "release_config", "release_spec")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sources(room: str) -> Iterator[Path]:
    place = REPO / room
    if place.is_file():
        yield place
    for path in place.rglob("*.py"):
        relative = path.relative_to(REPO).as_posix()
        owner = max((other for other in LAYERS if relative.startswith(f"{other}/")), key=len)
        if owner == room:
            yield path


def offences(room: str, path: Path) -> Iterator[str]:
    own = room.removesuffix(".py").rpartition("reference-app/")[2].replace("/", ".")
    allowed = {own, *LAYERS[room]}
    for name in imports(path):
        is_ours = name.split(".")[0] in OURS
        if is_ours and not any(name == room_name or name.startswith(f"{room_name}.") for room_name in allowed):
            yield f"{path.relative_to(REPO)} imports {name}"


@pytest.mark.parametrize("room", LAYERS)
def test_a_room_imports_only_what_is_below_it(room: str):
    files = list(sources(room))
    assert files, f"{room} is empty or gone: take it out of the table"
    assert [line for path in files for line in offences(room, path)] == []


def test_an_import_that_points_upwards_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(globals(), "REPO", tmp_path)
    bad = tmp_path / "infra/contracts/bad.py"
    bad.parent.mkdir(parents=True)
    bad.write_text("from infra.local.home import Home\n")
    assert list(offences("infra/contracts", bad)) == ["infra/contracts/bad.py imports infra.local.home.Home"]


@pytest.mark.parametrize("folder", ["infra", "policies"])
def test_the_platform_knows_nothing_of_flights(folder: str):
    # The one exception puts the steps in order for the person at the keyboard.
    known = {"infra/cli/release.py"}
    found = {
        path.relative_to(REPO).as_posix()
        for path in (REPO / folder).rglob("*.py")
        if any(name.split(".")[0] in ("pipelines", "reference_app") for name in imports(path))
    }
    assert found <= known
