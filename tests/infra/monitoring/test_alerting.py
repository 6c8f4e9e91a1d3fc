"""Prometheus, Alertmanager and the ledger together, with the configuration that we generate."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
import pytest

from infra.contracts.ledger import LedgerClient
from infra.contracts.names import LEDGER_SECRET, OPERATOR, OPERATOR_SECRET
from infra.local.home import Home
from infra.local.secrets import ensure_secrets, web_config
from infra.monitoring.alert_rules import rendered_rules
from infra.monitoring.alertmanager import alertmanager_config
from infra.monitoring.prometheus import prometheus_config
from infra.monitoring.timing import LOCAL
from tests.support.service import RunningService, free_port, module, running
from tests.support.tools import tool

pytestmark = pytest.mark.proof


@dataclass
class Alerting:
    home: Home
    prometheus: RunningService
    alertmanager: RunningService
    ledger: LedgerClient
    exporter: list[str]
    exporter_port: int


@pytest.fixture
def alerting(tmp_path: Path) -> Iterator[Alerting]:
    home = Home(tmp_path / ".highway")
    ensure_secrets(home)
    folder = home.run / "prometheus"
    home.scrape_targets.mkdir(parents=True)
    home.alert_rules.mkdir()
    for name, content in rendered_rules(LOCAL, "http://127.0.0.1:1/runbooks").items():
        (home.alert_rules / name).write_text(content)
    ports = {name: free_port() for name in ("prometheus", "alertmanager", "ledger", "exporter")}
    for name in ("ledger", "exporter"):
        target = {"targets": [f"127.0.0.1:{ports[name]}"], "labels": {"service": name}}
        (home.scrape_targets / f"{name}.json").write_text(json.dumps([target]))
    password, token = home.secret(OPERATOR_SECRET), home.secret(LEDGER_SECRET)
    (folder / "prometheus.yml").write_text(
        prometheus_config(
            prometheus=f"127.0.0.1:{ports['prometheus']}", alertmanager=f"127.0.0.1:{ports['alertmanager']}",
            folder=folder, password_file=password, timing=LOCAL,
        )
    )  # fmt: skip
    (home.run / "alertmanager.yml").write_text(
        alertmanager_config(ledger_url=f"http://127.0.0.1:{ports['ledger']}", token_file=token, timing=LOCAL)
    )
    environment = {
        "HIGHWAY_HOME": str(home.root),
        "HIGHWAY_LEDGER_DATABASE": f"sqlite:///{home.data / 'ledger.db'}",
        "HIGHWAY_LEDGER_TOKEN_FILE": str(token),
    }
    web = f"--web.config.file={web_config(home)}"
    with ExitStack() as stack:

        def start(name: str, *command: str) -> RunningService:
            return stack.enter_context(
                running(command, log=tmp_path / f"{name}.log", environment=environment, port=ports[name])
            )

        ledger = start("ledger", *module("infra.operations.ledger"))
        alertmanager = start(
            "alertmanager", tool("alertmanager"), f"--config.file={home.run / 'alertmanager.yml'}", web,
            "--web.listen-address=127.0.0.1:{port}", f"--storage.path={tmp_path / 'am'}", "--cluster.listen-address=",
        )  # fmt: skip
        prometheus = start(
            "prometheus", tool("prometheus"), f"--config.file={folder / 'prometheus.yml'}", web,
            "--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        )  # fmt: skip
        yield Alerting(
            home=home, prometheus=prometheus, alertmanager=alertmanager, exporter_port=ports["exporter"],
            ledger=LedgerClient(ledger.url, token, home.outbox), exporter=module("infra.operations.exporter"),
        )  # fmt: skip


def eventually(condition: Callable[[], bool], seconds: float, what: str) -> float:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"not within {seconds} s: {what}"
        time.sleep(0.25)
    return time.monotonic() - started


def test_an_alert_reaches_the_ledger_when_it_fires_and_when_it_is_resolved(alerting, tmp_path):
    def told(outcome: str) -> bool:
        changes = alerting.ledger.query(kind="alert_change", subject="ScrapeFailing")
        return any(change.outcome == outcome and change.labels["service"] == "exporter" for change in changes)

    # The exporter does not run yet: its target is there and gives nothing.
    fired = eventually(lambda: told("failed"), 40, "ScrapeFailing fires")
    home = {"HIGHWAY_HOME": str(alerting.home.root)}
    with running(alerting.exporter, log=tmp_path / "exporter.log", environment=home, port=alerting.exporter_port):
        resolved = eventually(lambda: told("passed"), 40, "ScrapeFailing is resolved")
        print(f"fired after {fired:.1f} s, resolved after {resolved:.1f} s")
        operator = (OPERATOR, alerting.home.secret(OPERATOR_SECRET).read_text())

        def health() -> dict[str, str]:
            answer = httpx2.get(f"{alerting.prometheus.url}/api/v1/targets", auth=operator).json()
            return {target["labels"]["service"]: target["health"] for target in answer["data"]["activeTargets"]}

        everybody = dict.fromkeys(("ledger", "exporter", "prometheus", "alertmanager"), "up")
        eventually(lambda: health() == everybody, 10, "all targets answer")
        # A label that the target also has would arrive under another name.
        question = {"query": 'highway_workload_up{workload="supervisord",service="exporter"}'}
        asked = httpx2.get(f"{alerting.prometheus.url}/api/v1/query", params=question, auth=operator).json()
        assert len(asked["data"]["result"]) == 1
        # Without a supervisor, which this test does not start, ServiceDown is right to fire.
        eventually(lambda: bool(alerting.ledger.query(kind="alert_change", subject="ServiceDown")), 20, "ServiceDown")
    assert not alerting.ledger.query(kind="alert_change", subject="Watchdog")


def test_monitoring_is_closed_to_others_listens_on_loopback_only_and_shows_no_secret_in_ps(alerting):
    password = alerting.home.secret(OPERATOR_SECRET).read_text()
    for service in (alerting.prometheus, alerting.alertmanager):
        assert httpx2.get(f"{service.url}/metrics").status_code == 401
        assert httpx2.get(f"{service.url}/metrics", auth=(OPERATOR, "wrong")).status_code == 401
        assert httpx2.get(f"{service.url}/metrics", auth=(OPERATOR, password)).status_code == 200
        process = psutil.Process(service.process.pid)
        listening = [c.laddr.ip for c in process.net_connections(kind="all") if c.status == psutil.CONN_LISTEN]
        assert set(listening) == {"127.0.0.1"}
        assert password not in " ".join(process.cmdline())
        print(f"{process.name()}: {process.memory_info().rss / 2**20:.0f} MiB")
