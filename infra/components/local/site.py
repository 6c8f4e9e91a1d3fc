"""What the five local components share: where things are, who owns them, who listens where."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.config import StackConfig
from infra.contracts.ledger import OUTBOX_VARIABLE, TOKEN_FILE_VARIABLE, URL_VARIABLE
from infra.contracts.names import LEDGER_SECRET
from infra.contracts.workload import DataClassification, Probe, Service
from infra.local.home import Home
from infra.local.ports import Ports

CODE_DIGEST_VARIABLE = "HIGHWAY_CODE_DIGEST"
CODE_SUFFIXES = {".py", ".html", ".css", ".js", ".svg"}
# The port that a service has where every service has an address of its own.
CLUSTER_PORT = 8080


@dataclass(frozen=True, kw_only=True)
class Site:
    """`ports` maps each platform service to its port; all listen on loopback."""

    home: Home
    config: StackConfig
    ports: Mapping[str, int]
    code_digest: str

    @classmethod
    def survey(cls, home: Home, config: StackConfig) -> "Site":
        """Lease the ports. Raises `PortTakenError` for one that was asked for and is not to be had."""
        wanted = {
            "gateway": config.gateway_port,
            "cockpit": config.cockpit_port,
            "mlflow": config.registry_port,
            "prometheus": config.prometheus_port,
            "alertmanager": config.alertmanager_port,
            "ledger": None,
            "releases": None,
            "runner": None,
            "exporter": None,
        }
        ports = Ports(home)
        leased = {name: ports.lease(name, port) for name, port in wanted.items()}
        return cls(home=home, config=config, ports=leased, code_digest=code_digest(home.repo))

    def address(self, name: str) -> str:
        return f"127.0.0.1:{self.ports[name]}"

    def url(self, name: str) -> str:
        return f"http://{self.address(name)}"

    def service(self, name: str, command: tuple[str, ...], *, readiness: Probe, **fields: Any) -> Service:
        """A platform service. It restarts when the platform's own code changes, as an image would be replaced."""
        environment = {CODE_DIGEST_VARIABLE: self.code_digest, **fields.pop("environment", {})}
        return Service(
            name=name,
            owner=self.config.owner,
            data_classification=fields.pop("data_classification", DataClassification.INTERNAL),
            command=command,
            environment=environment,
            port=CLUSTER_PORT,
            readiness=readiness,
            runbook="alerts/cluster/ServiceDown.md",
            **fields,
        )

    @property
    def ledger_environment(self) -> dict[str, str]:
        """What a writer to the ledger needs, its secret aside (`ledger_secrets`)."""
        return {URL_VARIABLE: self.url("ledger"), OUTBOX_VARIABLE: str(self.home.outbox)}

    @property
    def ledger_secrets(self) -> dict[str, str]:
        return {TOKEN_FILE_VARIABLE: LEDGER_SECRET}


def code_digest(repo: Path) -> str:
    """Of the platform's code and its locked dependencies."""
    files = [path for path in (repo / "infra").rglob("*") if path.suffix in CODE_SUFFIXES]
    seen = hashlib.sha256()
    for path in sorted([*files, repo / "requirements" / "highway.lock"]):
        seen.update(str(path.relative_to(repo)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return f"sha256:{seen.hexdigest()}"
