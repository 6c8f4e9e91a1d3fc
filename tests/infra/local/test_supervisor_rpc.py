"""What we repeat of supervisor's client, held against supervisor itself."""

from pathlib import Path

import pytest
import supervisor.xmlrpc

from infra.local.supervisor_rpc import Faults, Rpc, SupervisorUnavailableError


@pytest.mark.parametrize("fault", Faults)
def test_a_fault_has_the_number_that_supervisor_gives_it(fault: Faults) -> None:
    assert getattr(supervisor.xmlrpc.Faults, fault.name) == fault


def test_nobody_at_the_socket_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SupervisorUnavailableError, match=r"supervisord does not answer .*; run `highway up`"):
        Rpc(tmp_path / "none.sock").getState()
