"""An entry of the cache is whole and what was published, or it is not there."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.toolchain import cache as cache_module
from infra.toolchain.cache import Cache, remove_tree, user_cache


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def publish(cache: Cache, content: str = "#!/bin/sh\n") -> Path:
    (cache.staging("tool") / "tool").write_text(content)
    return cache.publish("tool", "1.0.0", {"tool": "tool"}).executables["tool"]


def test_what_was_published_is_found_again_and_can_be_run(cache: Cache) -> None:
    publish(cache)
    entry = cache.load("tool")
    assert entry is not None
    assert entry.version == "1.0.0"
    assert os.access(entry.executables["tool"], os.X_OK)


def test_an_unchanged_file_is_not_read_again(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(cache)
    monkeypatch.setattr(cache_module, "sha256_of", lambda path: pytest.fail("read again"))
    assert cache.load("tool") is not None


def test_a_touched_file_is_compared_with_its_checksum(cache: Cache) -> None:
    os.utime(publish(cache), (1, 1))
    assert cache.load("tool") is not None


@pytest.mark.parametrize("fault", ["altered", "removed", "cut manifest", "no manifest"])
def test_a_spoilt_entry_is_not_there(cache: Cache, fault: str) -> None:
    path = publish(cache)
    manifest = path.parent / "manifest.json"
    match fault:
        case "altered":
            path.write_text("#!/bin/sh\nevil\n")
        case "removed":
            path.unlink()
        case "cut manifest":
            manifest.write_text(manifest.read_text()[:40])
        case "no manifest":
            manifest.unlink()
    assert cache.load("tool") is None
    publish(cache)
    assert cache.load("tool") is not None, "the next run mends it"


def test_what_is_half_made_is_never_an_entry(cache: Cache) -> None:
    (cache.staging("tool") / "tool").write_text("half")
    assert cache.load("tool") is None
    assert list(cache.staging("tool").iterdir()) == [], "the next run starts clean"


def test_a_lock_outlives_its_killed_holder_while_a_child_still_works(cache: Cache, tmp_path: Path) -> None:
    script = f"""
import subprocess, sys
from pathlib import Path
from infra.toolchain.cache import Cache
with Cache(Path({str(cache.root)!r})).lock("tool") as descriptor:
    child = subprocess.Popen(["sleep", "1.5"], pass_fds=[descriptor], stdout=subprocess.DEVNULL)
    print("held", flush=True)
    child.wait()
"""
    holder = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.communicate()
    waited = []
    started = time.monotonic()
    with cache.lock("tool", lambda: waited.append(True)):
        assert waited == [True]
    assert 0.5 < time.monotonic() - started < 5


def test_the_cache_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache() == tmp_path / "digital-highway"


def test_a_read_only_tree_can_be_removed(tmp_path: Path) -> None:
    (tmp_path / "modules" / "m").mkdir(parents=True)
    (tmp_path / "modules" / "m" / "go.mod").write_text("module m\n")
    (tmp_path / "modules" / "m").chmod(0o500)
    remove_tree(tmp_path / "modules")
    assert not (tmp_path / "modules").exists()
