"""A server is tried before it is taken: with small ones that fail in every way, and with the real ones."""

import sys
from pathlib import Path

import psutil
import pytest

from infra.toolchain import trials
from infra.toolchain.sources import TABLE
from infra.toolchain.trials import Trial
from tests.support.tools import tool

TRIAL = Trial(config="kept: here\n", arguments=("{config}", "{folder}", "{port}"))
SERVER = """
import http.server, pathlib, signal, sys
config, folder, port = sys.argv[1:]
assert pathlib.Path(config).read_text() == "kept: here\\n"
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(STATUS if self.path == "/-/ready" else 404)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(port)), Ready).serve_forever()
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return tmp_path / "program"


def write(program: Path, source: str) -> Path:
    program.write_text(f"#!{sys.executable}\n{source}")
    program.chmod(0o755)
    return program


def is_running(program: Path) -> bool:
    return any(str(program) in (process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))


def test_one_that_gets_ready_is_ended_and_has_no_fault(program: Path) -> None:
    assert trials.fault(TRIAL, write(program, SERVER.replace("STATUS", "200"))) is None
    assert not is_running(program)


def test_one_that_does_not_heed_the_end_is_killed(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.toolchain.children.GRACE_SECONDS", 0.1)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVER.replace("STATUS", "200")
    assert trials.fault(TRIAL, write(program, deaf)) is None
    assert not is_running(program)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import sys; print('starting'); sys.exit('no default.tmpl\\n\\n')", "no default.tmpl"),
        ("", "it said nothing"),
        (
            "print('waiting for the others', flush=True)\n" + SERVER.replace("STATUS", "503"),
            '"GET /-/ready HTTP/1.1" 503',
        ),
    ],
    ids=["ends with a reason", "ends without one", "never gets ready"],
)
def test_the_fault_is_the_last_thing_it_said(
    program: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str
) -> None:
    monkeypatch.setattr(trials, "READY_SECONDS", 1.5)
    fault = trials.fault(TRIAL, write(program, source))
    assert fault is not None
    assert said in fault
    assert not is_running(program)


@pytest.mark.parametrize("name", [name for name in TABLE if TABLE[name].trial])
def test_the_tools_that_are_linked_here_come_up(name: str) -> None:
    trial = TABLE[name].trial
    assert trial is not None
    assert trials.fault(trial, Path(tool(name))) is None


def test_every_server_has_a_trial() -> None:
    assert {name for name in TABLE if TABLE[name].trial} == {"prometheus", "alertmanager"}
