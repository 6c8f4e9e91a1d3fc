"""Every alert is drilled: the real fault, the alert, the runbook's own steps, the resolution, and the record of it."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.contracts.events import DrillRun, Outcome
from infra.contracts.outputs import PlatformOutputs
from infra.local.ledger import ledger_client
from infra.monitoring.alert_rules import alert_rules
from infra.operations.runbooks.parse import read_runbook
from infra.operations.runbooks.run import StepResult, run_step
from tests.support.drill import Alerts, load, wait
from tests.support.live import REPO, Highway

RULES = {rule.name: rule for rule in alert_rules() if rule.runbook}
STEP_SECONDS = 300
TELL_SECONDS = 30
LOOK_BACK_SECONDS = 90


@pytest.mark.proof
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", sorted(RULES))
def test_the_fault_fires_the_alert_and_its_runbook_mends_it(name: str, live_highway: Highway) -> None:
    drill, alerts = load(name), Alerts.of(live_highway)
    runbook = read_runbook(REPO / "runbooks" / Path(RULES[name].runbook or ""))
    assert alerts.firing(name, drill.labels) is None, "it fires before the fault"
    environment: dict[str, str] = {}

    def step(step_name: str, *, confirm: bool = False) -> StepResult:
        return run_step(runbook, step_name, environment, confirm=confirm, timeout_seconds=STEP_SECONDS)

    def passes(step_name: str, *, confirm: bool = False) -> None:
        result = step(step_name, confirm=confirm)
        assert result.is_expected, f"{name}, step {step_name}: {result.fault}\n{result.output}"

    with drill.fault(live_highway) as variables:
        started = time.monotonic()
        wait(lambda: alerts.firing(name, drill.labels), drill.fire_within_seconds, f"{name} fires")
        fired_seconds = time.monotonic() - started
        labels = alerts.firing(name, drill.labels) or {}
        monitoring = live_highway.status()["platform"]["monitoring"]
        environment |= live_highway.variables | {label.upper(): value for label, value in labels.items()}
        environment |= {"PROMETHEUS_URL": monitoring["prometheus_url"], **variables}
        for block in runbook.blocks_of("Diagnosis"):
            passes(block.step)
        mending = time.monotonic()
        for step_name in drill.mitigation:
            passes(step_name, confirm=True)
        wait(lambda: alerts.firing(name, drill.labels) is None, drill.resolve_within_seconds, f"{name} is resolved")
        resolved_seconds = time.monotonic() - mending
        # Diagnosis may look back further than the alert; in the end it must see that all is well.
        wait(lambda: not step(drill.refusal).is_expected, LOOK_BACK_SECONDS, f"step {drill.refusal} sees no fault")

    print(f"{name}: fired after {fired_seconds:.1f} s, resolved {resolved_seconds:.1f} s after mitigation began")
    now = datetime.now(UTC)
    event = DrillRun(
        event_time=now, recorded_at=now, outcome=Outcome.PASSED, subject=name, actor="tests/drills",
        summary=f"{name} was drilled", seconds_to_fire=fired_seconds, seconds_to_resolve=resolved_seconds,
    )  # fmt: skip
    ledger = ledger_client(live_highway.home, PlatformOutputs.parse(live_highway.status()["platform"]))
    assert ledger.record(event)

    def told() -> bool:
        return {Outcome.FAILED, Outcome.PASSED} <= {e.outcome for e in ledger.query(kind="alert_change", subject=name)}

    # Alertmanager shows a change at once and tells of it at the end of its group interval.
    wait(told, TELL_SECONDS, "the ledger has heard that the alert fired and is resolved")
