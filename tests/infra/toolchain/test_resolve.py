"""Where a tool comes from, with real archives, a real server and real processes that are killed half-way."""

import hashlib
import io
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import pytest

from infra.toolchain import resolve as resolve_module
from infra.toolchain.cache import Cache
from infra.toolchain.errors import ToolchainError
from infra.toolchain.platforms import LINUX_AMD64
from infra.toolchain.progress import Progress
from infra.toolchain.resolve import Toolchain
from infra.toolchain.sources import GoBuild, InVenv, Release, Source, Tool
from infra.toolchain.trials import Trial
from tests.support.file_server import FileServer, serving

PADDING = 200_000  # bytes, so that a download has a middle


def script(version: str) -> bytes:
    return f"#!/bin/sh\necho tool version {version}\nexit 0\n# {'x' * PADDING}\n".encode()


def archive(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("tool")
        member.size, member.mode = len(content), 0o755
        tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def release(base: str, name: str = "tool.tar") -> Release:
    return Release(f"{base}/{name}", f"{base}/{name}.sums", executables={"tool": "tool"}, label=f"release {name}")


@dataclass
class World:
    """A folder with a home, a cache, a PATH and a server; and toolchains that live there."""

    root: Path
    server: FileServer

    def offer(self, content: bytes, name: str = "tool.tar") -> None:
        self.server.files[f"/{name}"] = content
        self.server.files[f"/{name}.sums"] = f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode()

    def on_path(self, folder: str, content: bytes, name: str = "tool") -> str:
        path = self.root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755)
        return str(path.parent)

    def toolchain(
        self, *sources: Source, search_path: str = "", clone: str = "a", trial: Trial | None = None
    ) -> Toolchain:
        tool = Tool(
            name="tool",
            executables=("tool",),
            version_arguments=("--version",),
            minimum=(1, 2, 0),
            below=(2, 0, 0),
            sources=MappingProxyType({LINUX_AMD64: sources}),
            advice="install tool by hand",
            trial=trial,
        )
        return Toolchain(
            repo=self.root,
            home=self.root / clone,
            cache=Cache(self.root / "cache"),
            platform=LINUX_AMD64,
            progress=Progress(io.StringIO()),
            search_path=search_path,
            table={"tool": tool},
        )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serving({}) as server:
        yield World(tmp_path, server)


def run(toolchain: Toolchain) -> str:
    return subprocess.run([toolchain.links.bin / "tool"], capture_output=True, text=True, check=True).stdout.strip()


def test_a_tool_on_path_whose_version_fits_comes_first(world: World) -> None:
    world.offer(archive(script("1.9.0")))
    toolchain = world.toolchain(release(world.server.url), search_path=world.on_path("bin", script("1.2.0")))
    assert toolchain.ensure(["tool"])["tool"].source == "PATH"
    assert run(toolchain) == "tool version 1.2.0"
    assert world.server.asked == []


@pytest.mark.parametrize(
    "other", [script("1.1.9"), script("2.0.0"), b"#!/bin/sh\nexit 1\n", b"\x7fELF of another machine", b""]
)
def test_one_that_does_not_fit_or_does_not_run_is_passed_over(world: World, other: bytes) -> None:
    world.offer(archive(script("1.9.0")))
    path = world.on_path("bin", other)
    toolchain = world.toolchain(release(world.server.url), search_path=path)
    assert toolchain.ensure(["tool"])["tool"].source == "release tool.tar"
    second = f"{path}:{world.on_path('newer', script('1.5.0'))}"
    assert world.toolchain(search_path=second, clone="b").ensure(["tool"])["tool"].version == "1.5.0"


def test_what_another_clone_linked_is_no_find(world: World) -> None:
    path = world.on_path("other/.highway/tools/bin", script("1.2.0"))
    with pytest.raises(BaseExceptionGroup) as caught:
        world.toolchain(search_path=path).ensure(["tool"])
    assert caught.group_contains(ToolchainError)


def test_debian_s_name_of_a_tool_is_known(world: World) -> None:
    path = world.on_path("bin", script("1.2.0"), name="debian-tool")
    toolchain = world.toolchain(search_path=path)
    tool = toolchain.table["tool"]
    tool.__dict__["other_names"] = {"tool": "debian-tool"}
    toolchain.ensure(["tool"])
    assert run(toolchain) == "tool version 1.2.0"


def test_sources_are_tried_in_their_order(world: World) -> None:
    world.offer(archive(script("3.0.0")), "wrong.tar")
    world.offer(archive(script("1.9.0")), "right.tar")
    sources = [InVenv(("tool",)), release("http://127.0.0.1:9"), *(release(world.server.url, n) for n in NAMES)]
    toolchain = world.toolchain(*sources)
    assert toolchain.ensure(["tool"])["tool"].source == "release right.tar"
    assert world.server.paths == [
        "/absent.tar.sums",
        "/wrong.tar.sums",
        "/wrong.tar",
        "/right.tar.sums",
        "/right.tar",
    ]


NAMES = ("absent.tar", "wrong.tar", "right.tar", "never-asked.tar")


def server_of(version: str, fault: str = "") -> bytes:
    """A tool that names its version at once, and is otherwise a server, or says its `fault` and ends."""
    return f"""#!{sys.executable}
import http.server, sys
if "--version" in sys.argv:
    sys.exit(print("tool version {version}"))
if {fault!r}:
    sys.exit({fault!r})
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
""".encode()


def test_what_names_its_version_and_does_not_start_is_passed_over(world: World) -> None:
    broken = server_of("1.9.0", fault="open /usr/share/tool/default.tmpl: no such file or directory")
    world.offer(archive(broken), "broken.tar")
    world.offer(archive(server_of("1.8.0")), "whole.tar")
    toolchain = world.toolchain(
        release(world.server.url, "broken.tar"),
        release(world.server.url, "whole.tar"),
        search_path=world.on_path("bin", broken),
        trial=Trial(config="", arguments=("{port}",)),
    )
    assert toolchain.ensure(["tool"])["tool"].source == "release whole.tar"


def test_when_nothing_starts_the_reason_is_what_the_tool_said(world: World) -> None:
    world.offer(archive(server_of("1.9.0", fault="no default.tmpl")))
    toolchain = world.toolchain(release(world.server.url), trial=Trial(config="", arguments=("{port}",)))
    with pytest.raises(ToolchainError, match=r"release tool\.tar: what it gives does not start \(no default\.tmpl\)"):
        toolchain.resolve("tool")
    assert toolchain.cache.load(toolchain._key(toolchain.table["tool"], release(world.server.url))) is None


def test_what_the_cache_has_from_a_source_that_left_the_table_is_not_used(world: World) -> None:
    world.offer(archive(script("1.9.0")), "former.tar")
    world.offer(archive(script("1.8.0")), "new.tar")
    world.toolchain(release(world.server.url, "former.tar")).ensure(["tool"])
    later = world.toolchain(release(world.server.url, "new.tar"), clone="b")
    assert later.ensure(["tool"])["tool"].source == "release new.tar"
    assert run(later) == "tool version 1.8.0"


def test_a_build_is_named_after_its_pins_and_not_after_estimates(world: World) -> None:
    module = world.root / "infra" / "toolchain" / "go" / "m"
    module.mkdir(parents=True)
    for name in ("go.mod", "go.sum"):
        (module / name).write_text("a\n")
    build = GoBuild(module="m", commands=("example.org/tool",), ldflags="-s", packages=1, free_bytes=1)
    toolchain = world.toolchain(build)

    def key(source: GoBuild) -> str:
        return toolchain._key(toolchain.table["tool"], source)

    named = key(build)
    assert key(replace(build, packages=2, free_bytes=2)) == named
    assert key(replace(build, ldflags="")) != named
    for name in ("go.mod", "go.sum"):
        (module / name).write_text("b\n")
        assert key(build) != named
        (module / name).write_text("a\n")


def test_the_venv_s_own_tool_is_taken(world: World) -> None:
    world.on_path("a/venv/bin", script("1.3.0"))
    toolchain = world.toolchain(InVenv(("tool",), label="locked"), release(world.server.url))
    assert toolchain.ensure(["tool"])["tool"].source == "locked"
    assert world.server.asked == []


def test_when_all_fail_one_line_says_why_and_what_to_do(world: World) -> None:
    toolchain = world.toolchain(release("http://127.0.0.1:9"), release(world.server.url, "absent.tar"))
    with pytest.raises(ToolchainError) as caught:
        toolchain.resolve("tool")
    message = str(caught.value)
    assert "127.0.0.1:9 cannot be reached" in message
    assert "answers 404" in message
    assert "install tool by hand" in message
    assert "\n" not in message


def test_a_release_that_is_not_what_its_publisher_says_is_refused_for_good(world: World) -> None:
    world.offer(archive(script("1.9.0")), "next.tar")
    world.offer(archive(script("1.9.0")))
    world.server.files["/tool.tar"] = archive(script("1.9.1"))
    toolchain = world.toolchain(release(world.server.url), release(world.server.url, "next.tar"))
    with pytest.raises(ToolchainError, match="do not trust your network"):
        toolchain.resolve("tool")
    assert not (toolchain.links.bin / "tool").exists()


def test_a_second_run_and_a_second_clone_touch_no_network(world: World) -> None:
    world.offer(archive(script("1.9.0")))
    source = release(world.server.url)
    world.toolchain(source).ensure(["tool"])
    asked = len(world.server.asked)
    toolchain = world.toolchain(source)
    toolchain.ensure(["tool"])
    clone = world.toolchain(source, clone="b")
    clone.ensure(["tool"])
    assert run(clone) == "tool version 1.9.0"
    assert len(world.server.asked) == asked


def test_a_second_run_runs_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.offer(archive(script("1.9.0")))
    toolchain = world.toolchain(release(world.server.url))
    toolchain.ensure(["tool"])
    monkeypatch.setattr(resolve_module.versions, "ask", lambda *_: pytest.fail("ran the tool"))
    assert toolchain.ensure(["tool"])["tool"].version == "1.9.0"


def test_a_tool_that_was_altered_in_the_cache_is_fetched_again(world: World) -> None:
    world.offer(archive(script("1.9.0")))
    toolchain = world.toolchain(release(world.server.url))
    path = Path(toolchain.ensure(["tool"])["tool"].executables["tool"])
    path.write_text("#!/bin/sh\necho evil 1.9.0\n")
    toolchain.ensure(["tool"])
    assert run(toolchain) == "tool version 1.9.0"


def test_two_clones_at_once_fetch_once(world: World) -> None:
    world.offer(archive(script("1.9.0")))
    world.server.chunk_pause = threading.Event()
    source = release(world.server.url)
    clones = [world.toolchain(source, clone=name) for name in "ab"]
    with ThreadPoolExecutor() as pool:
        works = [pool.submit(clone.ensure, ["tool"]) for clone in clones]
        world.server.chunk_pause.set()
        for work in works:
            work.result()
    assert world.server.paths.count("/tool.tar") == 1
    assert [run(clone) for clone in clones] == ["tool version 1.9.0"] * 2


def test_killed_half_way_the_next_run_goes_on(world: World) -> None:
    content = archive(script("1.9.0"))
    world.offer(content)
    world.server.chunk_pause = threading.Event()
    toolchain = world.toolchain(release(world.server.url))
    # What `ensure` does, in a process that can be killed.
    program = f"""
import io, sys
from pathlib import Path
from infra.toolchain import download
digest = {hashlib.sha256(content).hexdigest()!r}
download.CHUNK_BYTES = 1000
report = lambda done, total: print(done, flush=True)
download.fetch({world.server.url + "/tool.tar"!r}, Path({str(toolchain.cache.downloads)!r}), digest, "sha256", report)
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while int(process.stdout.readline()) < 50_000:
        pass
    process.kill()
    process.communicate()
    assert toolchain.links.current() == {}
    world.server.chunk_pause.set()
    world.server.chunk_pause = None
    toolchain.ensure(["tool"])
    path, asked_range = world.server.asked[-1]
    assert path == "/tool.tar"
    assert asked_range.startswith("bytes=")
    assert int(asked_range.removeprefix("bytes=").rstrip("-")) >= 1000
    assert run(toolchain) == "tool version 1.9.0"
