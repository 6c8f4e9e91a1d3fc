"""What exists already is adopted with Pulumi's own `import_`, and left as it is."""

import pytest

from infra.contracts.workload import Service
from infra.local.engine import Engine
from infra.local.gateway import Gateway
from infra.local.provider.kinds import ConfigFileInputs, ConfigFileKind
from infra.local.routes import Route
from infra.local.supervisor import Supervisor


def quiet(_kind: str, _name: str, _is_done: bool) -> None:
    """Nobody watches."""


@pytest.mark.proof
def test_a_process_a_route_and_a_file_are_imported_by_their_names(engine: Engine):
    engine.up(quiet)
    home = engine.home
    supervisor = Supervisor(home)
    spec = supervisor.read("one")
    assert isinstance(spec, Service)
    status = supervisor.status("one")
    # The stack forgets them; they go on.
    engine.run("state", "delete", "--all", "--yes")
    program = home.repo / "__main__.py"
    program.write_text(
        program.read_text()
        .replace('spec("one"))', 'spec("one"), opts=pulumi.ResourceOptions(import_="one"))')
        .replace("depends_on=[one])", 'depends_on=[one], import_="rules/file")')
        .replace("depends_on=[file])", 'depends_on=[file], import_="one")')
    )
    assert engine.up(quiet).operations.get("import") == 3
    assert supervisor.status("one") == status, "the process is the same one"
    assert Gateway(home).read("one") == Route(name="one", path_prefix="/", upstream="127.0.0.1:9")
    assert ConfigFileKind(home).read("rules/file") == ConfigFileInputs(path="rules/file", content="content")
