"""Plan: a folder for each trial, named for its settings, so that the same settings are the same trial."""

import hashlib

from infra.contracts.pipelines import TRIALS_VARIABLE
from pipelines import step
from pipelines.flights.conf import FlightsConf, LearnerConf
from pipelines.flights.experiment.conf import ExperimentConf

PARAMS_FILE = "params.json"
ORDER_FILE = "trials.json"  # beside the folders: their names, the current settings first


def trial_name(learner: LearnerConf) -> str:
    return "t-" + hashlib.sha256(learner.model_dump_json().encode()).hexdigest()[:10]


def main() -> None:
    current = FlightsConf.from_environment().learner
    conf, trials = ExperimentConf.from_environment(), int(step.variable(TRIALS_VARIABLE))
    planned, output = conf.chosen(current, trials), step.write_to("trials")
    output.write_json(ORDER_FILE, [trial_name(learner) for learner in planned])
    for learner in planned:
        output.write_json(f"{trial_name(learner)}/{PARAMS_FILE}", learner.model_dump())
    print(f"{len(planned)} trials: the current settings and {len(planned) - 1} by {conf.search} search")
    if len(planned) - 1 < trials:
        print(f"{trials} were asked for, and the space holds no more")


if __name__ == "__main__":
    step.run(main)
