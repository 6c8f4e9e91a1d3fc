"""Runbooks: read strictly, run exactly as written, and one for every alert."""

import ast
import os
import re
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from infra.monitoring.alert_rules import alert_rules
from infra.operations.runbooks.parse import RunbookError, parse_runbook, read_runbook
from infra.operations.runbooks.run import run_step

REPO = Path(__file__).parents[4]
RUNBOOKS = REPO / "runbooks"
DRILLS = REPO / "tests" / "drills"
RULES = [rule for rule in alert_rules() if rule.runbook]
ENVIRONMENT = {"PATH": os.environ["PATH"], "SERVICE": "mlflow"}
# What every step gets beside what its front matter names.
ALWAYS = {"HIGHWAY_HOME", "PATH"}

GOOD = """\
---
alert: Example
severity: page
owner: platform
slo: null
needs: [SERVICE]
---
# Example
## Meaning
Something.
## Impact
Someone.
## Diagnosis
```bash {step=look expect='mlflow is (up|down)'}
echo "$SERVICE is down"
```
```bash
echo a block without a step is for reading only
```
## Mitigation
```bash {step=mend changes='one file' undo="rm it"}
echo mended > "$TARGET"
```
## Afterwards
Think.
"""


def test_a_runbook_is_read_into_front_matter_sections_and_steps():
    runbook = parse_runbook(GOOD)
    assert runbook.front_matter.needs == ("SERVICE",)
    assert [block.step for block in runbook.blocks] == ["look", "mend"]
    assert [block.step for block in runbook.blocks_of("Mitigation")] == ["mend"]
    assert runbook.block("mend").undo == "rm it"


@pytest.mark.parametrize(
    ("replace", "by", "says"),
    [
        ("---\nalert", "alert", "front matter"),
        ("severity: page\n", "", "severity"),
        ("owner: platform", "owner: platform\nmood: bad", "mood"),
        ("## Impact\nSomeone.\n", "", "in this order"),
        ("step=mend", "step=look", "steps repeat"),
        (' undo="rm it"', "", "both `changes` and `undo`"),
        ("step=look", "step=look colour=red", "colour"),
        ("step=look", "step=look loud", "key=value"),
        ("step=look ", "", "step"),
    ],
)
def test_a_faulty_runbook_is_refused_with_what_to_change(replace, by, says):
    assert replace in GOOD
    with pytest.raises(RunbookError, match=re.escape(says)):
        parse_runbook(GOOD.replace(replace, by, 1))


def test_a_runbook_is_named_for_its_alert(tmp_path):
    (tmp_path / "Other.md").write_text(GOOD)
    with pytest.raises(RunbookError, match="name the file like the alert"):
        read_runbook(tmp_path / "Other.md")


def test_a_step_passes_when_its_expectation_is_seen():
    result = run_step(parse_runbook(GOOD), "look", ENVIRONMENT)
    assert (result.is_expected, result.output) == (True, "mlflow is down\n")


@pytest.mark.parametrize(
    ("script", "fault"),
    [("echo all is well", "expected to see"), ("echo mlflow is down; exit 3", "exit code 3"),
     ("false | echo mlflow is down", "exit code 1"), ('echo "mlflow is down $NOWHERE"', "exit code 1")],
)  # fmt: skip
def test_a_step_fails_on_another_output_a_failing_command_and_an_unset_variable(script, fault):
    spoilt = parse_runbook(GOOD.replace('echo "$SERVICE is down"', script))
    result = run_step(spoilt, "look", ENVIRONMENT)
    assert fault in (result.fault or "")


def test_a_change_is_made_only_when_it_is_confirmed(tmp_path):
    target = tmp_path / "target"
    environment = ENVIRONMENT | {"TARGET": str(target)}
    with pytest.raises(RunbookError, match="changes something"):
        run_step(parse_runbook(GOOD), "mend", environment)
    assert not target.exists()
    assert run_step(parse_runbook(GOOD), "mend", environment, confirm=True).is_expected
    assert target.exists()


def test_missing_variables_and_unknown_steps_are_named():
    with pytest.raises(RunbookError, match="needs SERVICE"):
        run_step(parse_runbook(GOOD), "look", {"PATH": os.environ["PATH"]})
    with pytest.raises(RunbookError, match="it has look, mend"):
        run_step(parse_runbook(GOOD), "jump", ENVIRONMENT)


def test_a_step_that_hangs_is_ended_with_all_that_it_started(tmp_path):
    script = f"sleep 300 & echo $! > {tmp_path / 'pid'}; wait"
    hanging = parse_runbook(GOOD.replace('echo "$SERVICE is down"', script))
    result = run_step(hanging, "look", ENVIRONMENT, timeout_seconds=1)
    assert result.fault == "ended after 1 s"
    deadline = time.monotonic() + 5
    child = int((tmp_path / "pid").read_text())
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
class TestOfEveryAlert:
    def test_it_has_a_runbook_of_its_severity_with_steps_to_look_and_to_mend(self, rule):
        runbook = read_runbook(RUNBOOKS / rule.runbook)
        assert runbook.front_matter.severity == rule.severity
        looks = runbook.blocks_of("Diagnosis")
        assert any(block.expect for block in looks)
        assert not any(block.changes for block in looks)
        assert any(block.changes for block in runbook.blocks_of("Mitigation"))
        assert not re.search(r"TODO|<my-|<your-", (RUNBOOKS / rule.runbook).read_text())

    def test_its_blocks_parse_and_use_no_variable_that_is_not_named(self, rule):
        runbook = read_runbook(RUNBOOKS / rule.runbook)
        for block in runbook.blocks:
            checked = subprocess.run(["bash", "-n", "-c", block.script], capture_output=True, text=True, check=False)
            assert checked.returncode == 0, checked.stderr
            assert "| head" not in block.script, "head ends what writes to it, which counts as a failure: use sed -n"
            used = set(re.findall(r"\$\{?([A-Z_]+)", block.script)) | set(
                re.findall(r"environ\[\"([A-Z_]+)\"\]", block.script)
            )
            assert used <= ALWAYS | set(runbook.front_matter.needs)
            for code in re.findall(r"python -c '\n(.*?)'$|<<'END'\n(.*?)END$", block.script, re.DOTALL | re.MULTILINE):
                ast.parse("".join(code))

    def test_it_has_a_drill_of_the_same_name(self, rule):
        assert (DRILLS / f"{rule.name}.py").is_file()


def test_there_is_no_runbook_and_no_drill_without_an_alert():
    names = {rule.name for rule in RULES}
    assert {path.stem for path in (RUNBOOKS / "alerts").rglob("*.md")} == names
    assert {path.stem for path in DRILLS.glob("[A-Z]*.py")} == names
