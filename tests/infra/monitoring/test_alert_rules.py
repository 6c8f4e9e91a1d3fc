"""The alert rules, run by the real promtool: as they stand, and at the speed of one machine."""

import subprocess
from pathlib import Path

import pytest
import yaml

from infra.monitoring.alert_rules import RULES, alert_rules, rendered_rules
from infra.monitoring.timing import LOCAL, PRODUCTION, Timing
from tests.support.tools import tool

REPO = Path(__file__).parents[3]
CASES = Path(__file__).parent / "rules"
NAMES = sorted(path.stem for path in RULES.glob("*.yml"))
LINKS = "http://127.0.0.1:8000/runbooks"


def promtool(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [tool("promtool"), *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_alert_does_what_its_cases_say(name, tmp_path):
    case = tmp_path / "case.yml"
    case.write_text(f"rule_files: [{RULES / name}.yml]\n{(CASES / name).with_suffix('.yml').read_text()}")
    result = promtool("test", "rules", case, cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", [name for name in NAMES if name != "Watchdog"])
def test_each_alert_has_a_case_where_it_fires_is_silent_resolves_and_has_no_data(name):
    cases = yaml.safe_load((CASES / name).with_suffix(".yml").read_text())["tests"]
    text = " / ".join(case["name"] for case in cases)
    for word in ("fires", "silent", "resolves", "data"):
        assert word in text or (word == "resolves" and "given up" in text), f"{name}: no case says {word!r}: {text}"
    # `exp_alerts: []` also passes for a misspelt name, so a name counts only where it fires.
    fired = {t["alertname"] for case in cases for t in case["alert_rule_test"] if t["exp_alerts"]}
    assert fired == {name}


def test_a_rule_that_never_fires_is_found_out(tmp_path):
    """The check above can fail: the same cases on a spoilt rule."""
    (tmp_path / "ServiceDown.yml").write_text((RULES / "ServiceDown.yml").read_text().replace("== 0", "== 2"))
    case = tmp_path / "case.yml"
    case.write_text("rule_files: [ServiceDown.yml]\n" + (CASES / "ServiceDown.yml").read_text())
    result = promtool("test", "rules", case, cwd=tmp_path)
    assert result.returncode != 0
    assert "FAILED" in result.stdout + result.stderr


def test_rendered_for_one_machine_the_rules_are_valid_and_wait_seconds(tmp_path):
    for name, content in rendered_rules(LOCAL, LINKS).items():
        (tmp_path / name).write_text(content)
        (rule,) = yaml.safe_load(content)["groups"][0]["rules"]
        assert int(rule.get("for", "0s").removesuffix("s")) <= 10
    result = promtool("check", "rules", *sorted(tmp_path.glob("*.yml")), cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    predictions = yaml.safe_load((tmp_path / "PredictionsFailing.yml").read_text())["groups"][0]["rules"][0]
    assert "[10s]" in predictions["expr"]
    assert "[5m]" not in predictions["expr"]


def test_at_full_speed_only_the_links_change():
    for name, content in rendered_rules(PRODUCTION, LINKS).items():
        plain, rendered = (
            yaml.safe_load(text)["groups"][0]["rules"][0] for text in ((RULES / name).read_text(), content)
        )
        link = plain["annotations"].pop("runbook_url", None)
        assert rendered["annotations"].pop("runbook_url", None) == (link and f"{LINKS}/{link}")
        assert (
            rendered.pop("for", None) == {"2m": "120s", "5m": "300s", "1m": "60s", None: None}[plain.pop("for", None)]
        )
        plain["expr"] = plain["expr"].replace("[5m]", "[300s]")
        assert rendered == plain


def test_a_range_never_shrinks_below_what_a_rate_needs():
    slow_scrapes = Timing(
        scrape_seconds=15, evaluation_seconds=15, speed=60, group_wait_seconds=1, group_interval_seconds=1
    )
    assert slow_scrapes.window("5m") == "60s"
    assert slow_scrapes.wait("5m") == "5s"
    with pytest.raises(ValueError, match="digits and one of"):
        slow_scrapes.wait("1h30m")


def test_every_rule_is_named_for_its_file_and_has_what_people_need():
    rules = alert_rules()
    assert [rule.name for rule in rules] == NAMES
    for rule in rules:
        if rule.name == "Watchdog":
            continue
        assert rule.severity in ("page", "ticket")
        assert rule.runbook == f"alerts/{rule.component}/{rule.name}.md"
        content = yaml.safe_load((RULES / f"{rule.name}.yml").read_text())["groups"][0]["rules"][0]
        assert {"summary", "description", "runbook_url"} <= content["annotations"].keys()
