"""The experiment as a value: the data steps of the training pipeline, then trials side by side."""

from infra.contracts.pipelines import TRIALS_VARIABLE
from infra.contracts.workload import Pipeline
from pipelines.flights.experiment.conf import PARAMETER, ExperimentConf

NAME = "experiment"
DATA_STEPS = ("discover", "ingest", "validate", "features")


def experiment_pipeline(training: Pipeline, conf: ExperimentConf) -> Pipeline:
    """What is tried reaches only the step that plans, so that a trial runs again only when its own settings, the data
    or the code are others. `training` gives the data, the environment of the learner and the way to the registry."""
    steps = {step.name: step for step in training.steps}
    learner, registry = steps["train"], steps["register"]
    common = {"needs": (), "inputs": (), "outputs": (), "environment": {}, "secrets": {}, "retries": 0}
    plan = learner.model_copy(
        update={
            **common,
            "name": "plan",
            "command": _module("plan"),
            "outputs": ("trials",),
            "environment": {PARAMETER: conf.model_dump_json(), TRIALS_VARIABLE: str(conf.trials)},
        }
    )
    trial = learner.model_copy(
        update={
            "name": "trial",
            "command": _module("trial"),
            "needs": ("features", "plan"),
            "inputs": ("features", "labels", "trials"),
            "outputs": ("scores",),
            "map_over": "trials",
        }
    )
    report = registry.model_copy(
        update={
            "name": "report",
            "command": _module("report"),
            "needs": ("features", "plan", "trial"),
            "inputs": ("features", "trials", "scores"),
            "outputs": ("report",),
        }
    )
    data = tuple(steps[name] for name in DATA_STEPS)
    return training.model_copy(update={"name": NAME, "steps": (*data, plan, trial, report)})


def _module(name: str) -> tuple[str, ...]:
    return ("python", "-m", f"pipelines.flights.experiment.{name}")
