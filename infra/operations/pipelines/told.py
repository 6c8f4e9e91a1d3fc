"""What the ledger last heard of each step: which outputs it had made, and which checks.

    <folder>/<step>.json

It is noted after the telling, so what a kill keeps from the ledger is told by the next run. One file for a step and
its partitions: whether a check is still made can only be said of all of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.contracts.files import write_atomically
from infra.contracts.pipelines import Check
from infra.operations.pipelines.report import StepRun

NO_LONGER_MADE = "no longer made: its partition left the window, or its rule is gone"


class Heard(BaseModel):
    """`outputs` is label of the step or a partition -> artifact -> digest, empty for what failed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outputs: dict[str, dict[str, str]] = Field(default_factory=dict)
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Told:
    """Of one pipeline."""

    folder: Path

    def is_told(self, step: str, label: str, outputs: Mapping[str, str]) -> bool:
        """Whether `label`, the step or a partition of it, had made these outputs when its checks were last told."""
        return self._heard(step).outputs.get(label) == dict(outputs)

    def gone(self, run: StepRun) -> tuple[Check, ...]:
        """What the ledger holds of a step that passed and makes no more: as passed, or it would stand for ever."""
        made = _by_name(_checks(run))
        heard = _by_name(self._heard(run.step).checks)
        return tuple(
            Check(name=check.name, suite=check.suite, is_passed=True, summary=NO_LONGER_MADE)
            for key, check in heard.items()
            if key not in made
        )

    def note(self, run: StepRun) -> None:
        """That all of `run` was told. A step that failed may not have got to its checks: what it had stays heard."""
        before = self._heard(run.step)
        outputs = {each.step: each.outputs for each in (run, *run.partitions.values())}
        checks = _by_name(_checks(run))
        if not run.is_success:
            outputs = {**before.outputs, **outputs}
            checks = {**_by_name(before.checks), **checks}
        heard = Heard(outputs=outputs, checks=tuple(checks.values()))
        if heard != before:
            write_atomically(self._file(run.step), heard.model_dump_json())

    def _heard(self, step: str) -> Heard:
        try:
            return Heard.model_validate_json(self._file(step).read_bytes())
        except (FileNotFoundError, ValidationError):
            return Heard()

    def _file(self, step: str) -> Path:
        return self.folder / f"{step}.json"


def _checks(run: StepRun) -> list[Check]:
    return [check for each in (run, *run.partitions.values()) for check in each.checks]


def _by_name(checks: Iterable[Check]) -> dict[tuple[str, str], Check]:
    """As the metric tells them apart."""
    return {(check.suite, check.name): check for check in checks}
