"""The generated configuration, judged by the real tools."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from infra.contracts.workload import DataClassification, Service
from infra.monitoring.alert_rules import rendered_rules
from infra.monitoring.alertmanager import alertmanager_config
from infra.monitoring.prometheus import prometheus_config
from infra.monitoring.targets import scrape_target
from infra.monitoring.timing import LOCAL, PRODUCTION, Timing
from tests.support.tools import tool

LEDGER = Service(
    name="ledger", owner="platform", data_classification=DataClassification.INTERNAL, command=("true",), port=8080,
    metrics_path="/metrics",
)  # fmt: skip


def check(*command: str | Path) -> None:
    result = subprocess.run(
        [tool(str(command[0])), *command[1:]], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stdout + result.stderr


def prometheus(folder: Path, timing: Timing) -> str:
    return prometheus_config(
        prometheus="127.0.0.1:9090", alertmanager="127.0.0.1:9093", folder=folder,
        password_file=folder / "operator-password", timing=timing,
    )  # fmt: skip


@pytest.mark.parametrize("timing", [LOCAL, PRODUCTION])
def test_promtool_accepts_the_configuration_with_targets_and_rules(tmp_path, timing):
    for name in ("targets", "rules"):
        (tmp_path / name).mkdir()
    (tmp_path / "operator-password").write_text("secret")
    (tmp_path / "targets" / "ledger.json").write_text(scrape_target(LEDGER, "127.0.0.1:8460"))
    for name, content in rendered_rules(timing, "http://x").items():
        (tmp_path / "rules" / name).write_text(content)
    (tmp_path / "prometheus.yml").write_text(prometheus(tmp_path, timing))
    check("promtool", "check", "config", tmp_path / "prometheus.yml")


def test_the_operators_password_goes_to_prometheus_and_alertmanager_alone_and_is_never_in_the_file(tmp_path):
    config = yaml.safe_load(prometheus(tmp_path, LOCAL))
    authenticated = [job["job_name"] for job in config["scrape_configs"] if "basic_auth" in job]
    assert authenticated == ["monitoring"]
    for holder in (config["scrape_configs"][1], config["alerting"]["alertmanagers"][0]):
        assert set(holder["basic_auth"]) == {"username", "password_file"}


@pytest.mark.parametrize("timing", [LOCAL, PRODUCTION])
def test_amtool_accepts_alertmanagers_configuration(tmp_path, timing):
    config = tmp_path / "alertmanager.yml"
    config.write_text(
        alertmanager_config(ledger_url="http://127.0.0.1:1", token_file=tmp_path / "token", timing=timing)
    )
    check("amtool", "check-config", config)
    check("amtool", "config", "routes", "test", f"--config.file={config}", "--verify.receivers=ledger", "severity=page")
    check("amtool", "config", "routes", "test", f"--config.file={config}", "--verify.receivers=nobody", "severity=none")


def test_a_target_says_where_to_scrape_and_whom_it_belongs_to():
    (target,) = json.loads(scrape_target(LEDGER, "127.0.0.1:8460"))
    assert target == {
        "targets": ["127.0.0.1:8460"],
        "labels": {"service": "ledger", "owner": "platform", "__metrics_path__": "/metrics"},
    }


def test_a_service_without_metrics_is_no_target():
    with pytest.raises(ValueError, match="metrics_path"):
        scrape_target(LEDGER.model_copy(update={"metrics_path": None}), "127.0.0.1:1")
