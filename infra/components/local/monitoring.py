"""Monitoring on one machine: Prometheus, Alertmanager, the substrate's exporter and the cockpit."""

import pulumi

from infra.cockpit.settings import GATEWAY_VARIABLE, PROMETHEUS_VARIABLE, REGISTRY_VARIABLE
from infra.components.local.site import Site
from infra.contracts.names import LEDGER_SECRET, OPERATOR_SECRET
from infra.contracts.outputs import MonitoringOutputs
from infra.contracts.workload import GIBIBYTE, MEBIBYTE, Probe, Resources
from infra.local.resources import ConfigFile
from infra.local.secrets import WEB_CONFIG
from infra.monitoring.alert_rules import rendered_rules
from infra.monitoring.alertmanager import alertmanager_config
from infra.monitoring.prometheus import prometheus_config
from infra.monitoring.timing import LOCAL
from infra.operations.exporter.disk import BUDGET_VARIABLE
from infra.operations.registry.variables import PASSWORD_FILE_VARIABLE
from infra.workloads.resources import ServiceResource

# Both ask for the operator's password at every path, so only their port can be probed.
BY_PORT = Probe(period_seconds=0.2, failure_threshold=150)
WEB_CONFIG_VARIABLE = "WEB_CONFIG_FILE"


class LocalMonitoring(pulumi.ComponentResource):
    """Configuration files are resources of their own: a changed rule is a signal, not a restart."""

    outputs: MonitoringOutputs

    def __init__(self, name: str, site: Site, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("highway:local:Monitoring", name, None, opts)
        self._site = site
        self._child = pulumi.ResourceOptions(parent=self)
        files = self._configuration()
        after_files = pulumi.ResourceOptions(parent=self, depends_on=files)
        self._prometheus(after_files)
        self._alertmanager(after_files)
        self._exporter()
        self._cockpit()
        self.outputs = MonitoringOutputs(
            prometheus_url=site.url("prometheus"),
            alertmanager_url=site.url("alertmanager"),
            cockpit_url=site.url("cockpit"),
        )
        self.register_outputs(self.outputs.model_dump())

    def _configuration(self) -> list[ConfigFile]:
        site, home = self._site, self._site.home
        prometheus = prometheus_config(
            prometheus=site.address("prometheus"),
            alertmanager=site.address("alertmanager"),
            folder=home.run / "prometheus",
            password_file=home.secret(OPERATOR_SECRET),
            timing=LOCAL,
        )
        alertmanager = alertmanager_config(
            ledger_url=site.url("ledger"), token_file=home.secret(LEDGER_SECRET), timing=LOCAL
        )
        rules = rendered_rules(LOCAL, f"{site.url('cockpit')}/runbooks")
        return [
            ConfigFile("prometheus-config", "prometheus/prometheus.yml", prometheus, "prometheus", self._child),
            ConfigFile(
                "alertmanager-config", "alertmanager/alertmanager.yml", alertmanager, "alertmanager", self._child
            ),
            *(
                ConfigFile(f"rules-{path}", f"prometheus/rules/{path}", content, "prometheus", self._child)
                for path, content in rules.items()
            ),
        ]

    def _prometheus(self, opts: pulumi.ResourceOptions) -> None:
        home, config = self._site.home, self._site.config
        spec = self._site.service(
            "prometheus",
            (
                "prometheus",
                f"--config.file={home.run / 'prometheus' / 'prometheus.yml'}",
                f"--web.config.file=$({WEB_CONFIG_VARIABLE})",
                "--web.listen-address=127.0.0.1:$(PORT)",
                f"--storage.tsdb.path={home.data / 'prometheus'}",
                f"--storage.tsdb.retention.time={config.metrics_retention_days}d",
            ),
            secrets={WEB_CONFIG_VARIABLE: WEB_CONFIG},
            resources=Resources(memory_bytes=2048 * MEBIBYTE),
            readiness=BY_PORT,
        )
        ServiceResource(spec, port=config.prometheus_port, opts=opts)

    def _alertmanager(self, opts: pulumi.ResourceOptions) -> None:
        home, config = self._site.home, self._site.config
        spec = self._site.service(
            "alertmanager",
            (
                "alertmanager",
                f"--config.file={home.run / 'alertmanager' / 'alertmanager.yml'}",
                f"--web.config.file=$({WEB_CONFIG_VARIABLE})",
                "--web.listen-address=127.0.0.1:$(PORT)",
                f"--storage.path={home.data / 'alertmanager'}",
                # Without it Alertmanager listens for peers on all interfaces.
                "--cluster.listen-address=",
            ),
            secrets={WEB_CONFIG_VARIABLE: WEB_CONFIG},
            resources=Resources(memory_bytes=1024 * MEBIBYTE),
            readiness=BY_PORT,
        )
        ServiceResource(spec, port=config.alertmanager_port, opts=opts)

    def _exporter(self) -> None:
        spec = self._site.service(
            "exporter",
            ("python", "-m", "infra.operations.exporter"),
            environment={BUDGET_VARIABLE: str(self._site.config.disk_budget_gibibytes * GIBIBYTE)},
            readiness=Probe(path="/metrics"),
            metrics_path="/metrics",
        )
        ServiceResource(spec, address=self._site.address("exporter"), opts=self._child)

    def _cockpit(self) -> None:
        site = self._site
        spec = site.service(
            "cockpit",
            ("python", "-m", "infra.cockpit"),
            environment={
                **site.ledger_environment,
                PROMETHEUS_VARIABLE: site.url("prometheus"),
                REGISTRY_VARIABLE: site.url("mlflow"),
                GATEWAY_VARIABLE: site.url("gateway"),
            },
            secrets={**site.ledger_secrets, PASSWORD_FILE_VARIABLE: OPERATOR_SECRET},
            readiness=Probe(path="/health"),
            metrics_path="/metrics",
        )
        ServiceResource(spec, address=site.address("cockpit"), port=site.config.cockpit_port, opts=self._child)
