"""Which steps of a past run run again. Whatever depends on the outside world of that day cannot."""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.contracts.pipelines import output_variable
from infra.contracts.workload import Pipeline, Step

# What a step that looked outside is replaced by: the outside has moved on, so it makes again what was recorded.
TAKE = """
import os, shutil, sys
from urllib.parse import unquote, urlsplit
for variable, recorded in zip(sys.argv[1::2], sys.argv[2::2]):
    shutil.copytree(unquote(urlsplit(recorded).path), unquote(urlsplit(os.environ[variable]).path), dirs_exist_ok=True)
"""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`pipeline` is what runs; `left_out` says why of each step that does not."""

    pipeline: Pipeline
    again: tuple[str, ...]
    taken: tuple[str, ...]
    left_out: dict[str, str]


def plan(recorded: Pipeline, places: Mapping[str, str]) -> Plan:
    """`places` maps each recorded artifact to the URI of its content."""
    left_out: dict[str, str] = {}
    steps: list[Step] = []
    for step in recorded.in_order():
        if step.is_volatile:
            steps.append(_taken(step, places))
        elif step.secrets:
            left_out[step.name] = f"it needs the secret {', '.join(sorted(step.secrets.values()))}"
        elif lacking := [name for name in step.needs if name in left_out]:
            left_out[step.name] = f"it needs {', '.join(lacking)}"
        else:
            steps.append(step)
    taken = tuple(step.name for step in recorded.in_order() if step.is_volatile)
    return Plan(
        pipeline=recorded.model_copy(update={"steps": tuple(steps), "schedule": None}),
        again=tuple(step.name for step in steps if step.name not in taken),
        taken=taken,
        left_out=left_out,
    )


def _taken(step: Step, places: Mapping[str, str]) -> Step:
    """It waits for nothing and asks nobody, so it needs neither inputs nor secrets."""
    recorded = [word for name in step.outputs for word in (output_variable(name), places[name])]
    changes: dict[str, object] = {
        "command": ("python", "-c", TAKE, *recorded),
        "bundle": None,
        "secrets": {},
        "needs": (),
        "inputs": (),
        "map_over": None,
        "is_volatile": False,
    }
    return step.model_copy(update=changes)
