"""Another user of the machine gets nowhere, and no secret is where it could be read."""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import psutil
import pytest

from infra.contracts.names import LEDGER_SECRET, OPERATOR_SECRET
from infra.local.processes import marked
from infra.local.secrets import PASSPHRASE_SECRET, basic_authorization
from infra.local.sockets import socket_path
from tests.support.live import Highway

pytestmark = pytest.mark.live

SECRETS = (PASSPHRASE_SECRET, OPERATOR_SECRET, LEDGER_SECRET)
# Read by nobody but their owner; the engine's state is encrypted besides.
ADMIN_PATHS = {
    "registry.tracking_url": "/api/2.0/mlflow/experiments/search?max_results=1",
    "monitoring.alertmanager_url": "/api/v2/status",
    "monitoring.prometheus_url": "/api/v1/status/config",
    "storage.ledger_url": "/events",
}


def status_code(url: str, authorization: str | None = None) -> int:
    request = urllib.request.Request(url, headers={"Authorization": authorization} if authorization else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.proof
@pytest.mark.parametrize("interface", ADMIN_PATHS)
def test_an_admin_interface_refuses_who_has_no_password(live_highway: Highway, interface: str):
    url = live_highway.url(*interface.split(".")) + ADMIN_PATHS[interface]
    assert status_code(url) == 401
    assert status_code(url, "Basic aGlnaHdheTp3cm9uZw==") == 401  # highway:wrong
    if interface != "storage.ledger_url":
        assert status_code(url, basic_authorization(live_highway.home)) == 200


@pytest.mark.proof
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user; .ci/run is root")
@pytest.mark.parametrize("name", ["supervisord", "gateway"])
def test_another_user_cannot_even_connect_to_the_sockets(live_highway: Highway, name: str):
    path = socket_path(live_highway.home, name)
    connect = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({str(path)!r}); print('in')"
    mine = subprocess.run([sys.executable, "-c", connect], capture_output=True, text=True, check=False)
    assert mine.stdout == "in\n", "the owner can, so that the next line proves something"
    theirs = subprocess.run(
        ["/usr/bin/env", "python3", "-c", connect],
        capture_output=True,
        text=True,
        user="nobody",
        env={"PATH": "/usr/bin:/bin"},
        check=False,
    )
    assert "PermissionError" in theirs.stderr


@pytest.mark.proof
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user; .ci/run is root")
@pytest.mark.parametrize("name", SECRETS)
def test_another_user_cannot_read_a_secret(live_highway: Highway, name: str):
    theirs = subprocess.run(
        ["cat", live_highway.home.secret(name)], capture_output=True, text=True, user="nobody", check=False
    )
    assert theirs.returncode != 0
    assert "Permission denied" in theirs.stderr


@pytest.mark.proof
def test_no_secret_is_in_a_process_list_an_environment_a_log_or_the_state(live_highway: Highway):
    home = live_highway.home
    values = {name: home.secret(name).read_text().strip() for name in SECRETS}
    assert all(len(value) >= 32 for value in values.values())
    for process in marked(home.root):
        try:
            seen = " ".join(process.cmdline()) + " ".join(process.environ().values())
        except psutil.NoSuchProcess:
            continue
        assert not [name for name, value in values.items() if value in seen], process
    files = [path for folder in ("state", "logs", "run", "outbox") for path in (home.root / folder).rglob("*")]
    texts = {path: path.read_bytes() for path in files if path.is_file()}
    assert len(texts) > 20
    found = [(path, name) for path, text in texts.items() for name, value in values.items() if value.encode() in text]
    assert found == []
    assert not [name for name, value in values.items() if value in live_highway.run("status", "--json")]


@pytest.mark.proof
def test_a_server_that_listened_on_all_interfaces_would_be_seen():
    """The check of `test_end_to_end.test_nothing_listens_beyond_loopback` can fail."""
    with socket.create_server(("", 0)) as server:
        mine = psutil.Process().net_connections("inet")
        (listening,) = [c for c in mine if c.status == "LISTEN" and c.laddr.port == server.getsockname()[1]]
        assert listening.laddr.ip not in ("127.0.0.1", "::1")
