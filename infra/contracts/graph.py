"""Which step makes which artifact, checked before anything runs."""

from infra.contracts.errors import HighwayError
from infra.contracts.workload import Pipeline, Step


class GraphError(HighwayError):
    """The steps' inputs and outputs do not fit together; every problem is in the message."""


def producers(pipeline: Pipeline) -> dict[str, str]:
    """Artifact name -> name of the step that makes it.

    Raises `GraphError` when an artifact has two makers or none, or when a reader does not wait for its maker."""
    makers: dict[str, str] = {}
    problems: list[str] = []
    for step in pipeline.steps:
        for artifact in step.outputs:
            if artifact in makers:
                problems.append(f"{artifact} is an output of {makers[artifact]} and of {step.name}; rename one")
            makers.setdefault(artifact, step.name)
    for step in pipeline.steps:
        awaited = ancestors(pipeline, step)
        for artifact in step.inputs:
            maker = makers.get(artifact)
            if maker is None:
                problems.append(f"{step.name} reads {artifact}, which no step makes")
            elif maker not in awaited:
                problems.append(f"{step.name} reads {artifact}; add {maker}, which makes it, to its needs")
    if problems:
        raise GraphError(f"pipeline {pipeline.name}: " + "; ".join(problems))
    return makers


def ancestors(pipeline: Pipeline, step: Step) -> set[str]:
    """Names of all steps that end before `step` starts."""
    by_name = {candidate.name: candidate for candidate in pipeline.steps}
    found: set[str] = set()
    waiting = list(step.needs)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(by_name[name].needs)
    return found
