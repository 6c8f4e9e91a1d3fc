"""A build says what it lacks, keeps what it compiled while it is not done, and gives the room back when it is."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.toolchain import go_build
from infra.toolchain.cache import Cache
from infra.toolchain.errors import SourceUnavailableError, ToolchainError
from infra.toolchain.progress import Progress
from infra.toolchain.sources import GoBuild
from infra.toolchain.workshop import Workshop

SOURCE = GoBuild(
    module="m", commands=("example.org/cmd/m", "example.org/cmd/mtool"), ldflags="-s", packages=2, free_bytes=1
)

# Stands in for go: notes its settings, "compiles" into the caches it is given, and fails when told to.
GO = """#!/bin/sh
echo "$GOFLAGS $GOTOOLCHAIN $CGO_ENABLED" > "$GO_LOG"
mkdir -p "$GOMODCACHE" "$GOCACHE"
echo "go: downloading example.org/m v1.0.0"
echo "example.org/m"
touch "$GOCACHE/compiled"
[ -z "$GO_FAIL" ] || { echo "m.go:1: $GO_FAIL"; exit 1; }
while [ "$1" != "-o" ]; do shift; done
folder="$2"; shift 2
for command in "$@"; do
  case "$command" in -*) ;; *) echo "built $command" > "$folder/${command##*/}" ;; esac
done
"""


@contextmanager
def workshop(root: Path) -> Iterator[Workshop]:
    (root / "infra" / "toolchain" / "go" / "m").mkdir(parents=True, exist_ok=True)
    go = root / "go"
    go.write_text(GO)
    go.chmod(0o755)
    cache = Cache(root / "cache")
    with Progress(io.StringIO()).task("m") as task, cache.lock("m") as lock:
        yield Workshop(root, cache, cache.staging("m"), task, lock, lambda name: go)


@pytest.fixture(autouse=True)
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GO_LOG", str(tmp_path / "log"))
    return tmp_path / "log"


def test_it_builds_with_pinned_modules_and_no_other_toolchain(tmp_path: Path, log: Path) -> None:
    with workshop(tmp_path) as shop:
        assert go_build.fill(SOURCE, shop) == {"m": "m", "mtool": "mtool"}
        assert (shop.staging / "m").read_text() == "built example.org/cmd/m\n"
        assert (shop.staging / "mtool").read_text() == "built example.org/cmd/mtool\n"
        assert log.read_text() == "-mod=readonly -modcacherw local 0\n"
        go_build.clean(SOURCE, shop)
        assert not (tmp_path / "cache" / "go" / "m").exists()


def test_a_failed_build_keeps_what_it_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GO_FAIL", "no such module")
    with workshop(tmp_path) as shop, pytest.raises(SourceUnavailableError, match=r"m\.go:1: no such module"):
        go_build.fill(SOURCE, shop)
    assert (tmp_path / "cache" / "go" / "m" / "build" / "compiled").exists()


def test_a_disk_too_small_for_it_stops_at_once(tmp_path: Path) -> None:
    greedy = GoBuild(module="m", commands=("p",), ldflags="", packages=1, free_bytes=10**18)
    with workshop(tmp_path) as shop, pytest.raises(ToolchainError, match=r"needs .* GiB in .*; free some"):
        go_build.fill(greedy, shop)
