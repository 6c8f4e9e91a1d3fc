"""Running one step of a runbook, exactly as it is written."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass

from infra.operations.runbooks.parse import Block, Runbook, RunbookError

TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True)
class StepResult:
    """`output` is what the step printed, errors included. `fault` is None when all was as expected."""

    step: str
    output: str
    duration_seconds: float
    fault: str | None

    @property
    def is_expected(self) -> bool:
        return self.fault is None


def run_step(
    runbook: Runbook,
    step: str,
    environment: Mapping[str, str],
    *,
    confirm: bool = False,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> StepResult:
    """`environment` is all that the step sees; `confirm` says that a change is wanted.

    Raises `RunbookError` for an unknown step, a variable that is missing, or a change without `confirm`.
    """
    block = runbook.block(step)
    if missing := [name for name in runbook.front_matter.needs if name not in environment]:
        raise RunbookError(f"runbook {runbook.front_matter.alert} needs {', '.join(missing)}: set them")
    if block.changes and not confirm:
        raise RunbookError(f"step {step} changes something ({block.changes}): confirm it to run it")
    started = time.monotonic()
    # A group of its own, so that a timeout ends what the step started, too.
    process = subprocess.Popen(
        ["bash", "-eu", "-o", "pipefail", "-c", block.script],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=timeout_seconds)
        timed_out = False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        timed_out = True
    text = output.decode(errors="replace")
    fault = f"ended after {timeout_seconds:g} s" if timed_out else _fault(block, process.returncode, text)
    return StepResult(step, text, time.monotonic() - started, fault)


def _fault(block: Block, exit_code: int, output: str) -> str | None:
    if exit_code != 0:
        return f"exit code {exit_code}"
    if block.expect is not None and not re.search(block.expect, output):
        return f"expected to see {block.expect!r}"
    return None
