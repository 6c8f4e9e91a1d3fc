"""A small stack on the real engine: one resource of each kind of the provider."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.engine import Engine, Program
from infra.local.home import Home
from infra.local.secrets import ensure_secrets
from infra.local.supervisor import Supervisor
from tests.support.live import OWN_TOOLS, REPO

# A process, then a file, then a route: one resource of each kind, one after the other.
PROGRAM = """\
import pulumi
from infra.contracts.workload import Probe, Service
from infra.local.resources import ConfigFile, Process, Route

def spec(name):
    command = ("python", "-m", "http.server", "$(PORT)", "--bind", "127.0.0.1")
    service = Service(name=name, owner="test", data_classification="public", command=command, port=8080,
                      readiness=Probe(path="/", period_seconds=0.2, failure_threshold=100), drain_seconds=1)
    return service.model_dump(mode="json")

one = Process("one", spec("one"))
file = ConfigFile("file", "rules/file", "content", opts=pulumi.ResourceOptions(depends_on=[one]))
route = {"name": "one", "path_prefix": "/", "upstream": "127.0.0.1:9"}
Route("route", route, opts=pulumi.ResourceOptions(depends_on=[file]))
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    home = Home(tmp_path / "repo" / ".highway")
    home.root.mkdir(parents=True)
    for shared in ("venv", "tools"):
        (home.root / shared).symlink_to(OWN_TOOLS / shared)
    plugins = f"plugins:\n  providers:\n    - name: highway\n      path: {REPO / 'infra/local/provider'}\n"
    (home.repo / "Pulumi.yaml").write_text(
        "name: fixture\nruntime:\n  name: python\n  options:\n    virtualenv: .highway/venv\n" + plugins
    )
    (home.repo / "__main__.py").write_text(PROGRAM)
    ensure_secrets(home)
    made = Engine(home, Program("fixture", "."))
    made.ensure_stack()
    yield made
    supervisor = Supervisor(home)
    for name in supervisor.declared():
        supervisor.remove(name)
    supervisor.shut_down()
