"""Our language host under the real engine: a program with a provider of its own, and a killed engine."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from infra.local.home import Home
from infra.toolchain.links import Links, Resolved

REPO = Path(__file__).parents[3]

PROJECT = """
name: tiny
runtime: python
plugins:
  providers:
    - {name: tiny, path: provider}
"""

PROGRAM = """
import pulumi
note = pulumi.CustomResource("tiny:index:Note", "note", {"text": "hello", "path": None})
pulumi.export("project", pulumi.get_project())
"""

# The highway's own provider at work for a program that stays: a file in HIGHWAY_HOME tells that it was reached.
HIGHWAY_PROJECT = f"""
name: tiny
runtime: python
plugins:
  providers:
    - {{name: highway, path: {REPO / "infra" / "local" / "provider"}}}
"""

HIGHWAY_PROGRAM = """
import time
import pulumi
inputs = {"path": "a", "content": "a", "notify": None}
pulumi.CustomResource("highway:local:ConfigFile", "a", inputs).id.apply(lambda _: time.sleep(60))
"""

PROVIDER = """
import sys
from pathlib import Path
from pulumi.provider.experimental import provider as p
from pulumi.provider.experimental.server import main

FILE = Path(__file__).with_name("note.txt")

class Tiny(p.Provider):
    async def check(self, request):
        return p.CheckResponse(inputs=request.new_inputs, failures=[])
    async def diff(self, request):
        return p.DiffResponse(changes=request.old_state != request.new_inputs)
    async def create(self, request):
        SLOW
        FILE.write_text("written")
        return p.CreateResponse(resource_id="note", properties=request.properties)
    async def delete(self, request):
        FILE.unlink()

main(sys.argv[1:], "0.0.1", Tiny())
"""


@pytest.fixture
def pulumi(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `pulumi ARGUMENTS` in a tiny project with our language host and nothing of another. What a failed test
    leaves running is ended."""
    resolved = Home.from_environment().root / "tools" / "bin" / "pulumi"
    executable = str(resolved) if resolved.exists() else shutil.which("pulumi")
    assert executable, "no pulumi: run `make test`, which gets it"
    # Alone in its folder, so that no official host stands beside it; then linked as the toolchain does.
    (tmp_path / "alone").mkdir()
    alone = tmp_path / "alone" / "pulumi"
    try:
        alone.hardlink_to(Path(executable).resolve())
    except OSError:
        shutil.copy2(executable, alone)
    links = Links(tmp_path / ".highway", "table")
    links.put({"pulumi": Resolved("pulumi", "3.259.0", "PATH", {"pulumi": str(alone)})})
    (tmp_path / ".highway" / "venv").symlink_to(sys.prefix)
    project = tmp_path / "project"
    (project / "provider").mkdir(parents=True)
    (project / "Pulumi.yaml").write_text(PROJECT)
    (project / "__main__.py").write_text(PROGRAM)
    (project / "provider" / "PulumiPlugin.yaml").write_text("runtime: python\n")
    (project / "provider" / "__main__.py").write_text(PROVIDER.replace("SLOW", "pass"))
    (tmp_path / "state").mkdir()
    environment = {
        **os.environ,
        "HIGHWAY_HOME": str(tmp_path / "highway"),
        "PATH": f"{links.bin}:/usr/bin:/bin",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }

    def start(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [links.bin / "pulumi", *arguments, "--non-interactive"],
            cwd=project,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    yield start
    for process in working_with(tmp_path):
        process.kill()


def finish(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    return output


def test_a_program_and_its_provider_go_up_stay_and_go_down(pulumi, tmp_path: Path) -> None:
    note = tmp_path / "project" / "provider" / "note.txt"
    finish(pulumi("stack", "init", "t"))
    up = finish(pulumi("up", "--skip-preview"))
    assert "2 created" in up
    assert "warning" not in up, "the engine takes our host for the one that belongs to it"
    assert note.read_text() == "written"
    assert json.loads(finish(pulumi("stack", "output", "--json"))) == {"project": "tiny"}
    assert "2 unchanged" in finish(pulumi("up", "--skip-preview", "--expect-no-changes"))
    finish(pulumi("destroy", "--skip-preview"))
    assert not note.exists()
    assert working_with(tmp_path) == []


def test_a_killed_engine_leaves_neither_host_nor_provider(pulumi, tmp_path: Path) -> None:
    provider = tmp_path / "project" / "provider" / "__main__.py"
    provider.write_text(PROVIDER.replace("SLOW", "import asyncio; await asyncio.sleep(60)"))
    finish(pulumi("stack", "init", "t"))
    engine = pulumi("up", "--skip-preview")
    wait_until(lambda: bool(working_with(tmp_path, "/provider")))
    engine.send_signal(signal.SIGKILL)
    engine.communicate(timeout=10)
    wait_until(lambda: not working_with(tmp_path))


@pytest.mark.proof
@pytest.mark.parametrize("moment", ["while it starts", "while it serves"])
def test_a_killed_host_leaves_no_provider_of_ours(pulumi, tmp_path: Path, moment: str) -> None:
    (tmp_path / "project" / "Pulumi.yaml").write_text(HIGHWAY_PROJECT)
    (tmp_path / "project" / "__main__.py").write_text(HIGHWAY_PROGRAM)
    finish(pulumi("stack", "init", "t"))
    engine = pulumi("up", "--skip-preview")
    wait_until(lambda: bool(working_with(tmp_path, "infra/local/provider")))
    if moment == "while it serves":
        wait_until((tmp_path / "highway" / "run" / "a").exists)
    engine.send_signal(signal.SIGSTOP)  # it would end the provider, if it were not killed as well
    hosts = working_with(tmp_path, "infra.toolchain.language_host")
    assert hosts
    for host in hosts:
        host.kill()
    wait_until(lambda: not working_with(tmp_path, "infra/local/provider"))
    engine.kill()
    engine.communicate(timeout=10)
    wait_until(lambda: not working_with(tmp_path))


def test_an_error_of_the_program_is_shown_with_its_line(pulumi, tmp_path: Path) -> None:
    (tmp_path / "project" / "__main__.py").write_text("import pulumi\nraise ValueError('the flap is stuck')\n")
    finish(pulumi("stack", "init", "t"))
    process = pulumi("preview")
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "the flap is stuck" in output
    assert "line 2" in output


def test_it_ends_quietly_when_interrupted() -> None:
    host = subprocess.Popen(
        [sys.executable, "-m", "infra.toolchain.language_host", "127.0.0.1:1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert host.stdout is not None
    assert int(host.stdout.readline()) > 0
    host.send_signal(signal.SIGINT)
    output, errors = host.communicate(timeout=10)
    assert (host.returncode, output, errors) == (0, "", "")


def working_with(folder: Path, part: str = "") -> list[psutil.Process]:
    """Live processes that work in or with `folder` and whose command line holds `part`."""
    found = []
    for process in psutil.process_iter():
        try:
            command = " ".join(process.cmdline())
            is_ours = str(folder) in command or process.environ().get("PULUMI_HOME") == str(folder / "home")
            if is_ours and part in command and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, textwrap.shorten(f"{condition} did not come true in {seconds} s", 200)
        time.sleep(0.1)
