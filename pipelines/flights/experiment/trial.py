"""Trial: fit one learner without the last month of the training window, and score it on that month.

Not calibrated: that scales all scores alike, so it changes no ranking.
"""

from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from infra.contracts.pipelines import PARTITION_VARIABLE
from pipelines import step
from pipelines.flights.columns import LABEL
from pipelines.flights.conf import FlightsConf, LearnerConf
from pipelines.flights.dataset import read_dataset
from pipelines.flights.experiment.plan import PARAMS_FILE
from pipelines.flights.model.learner import fit, known_values, late_probability

SCORE_FILE = "score.json"


def main() -> None:
    conf = FlightsConf.from_environment()
    *months, judged = conf.training_months()
    if not months:
        step.fail(f"the training window is {judged} alone; an experiment needs a month more, to score on")
    learner = LearnerConf.model_validate(step.read_from("trials").read_json(PARAMS_FILE))
    features, labels = step.read_from("features"), step.read_from("labels")
    frame, later = read_dataset(features, labels, months), read_dataset(features, labels, [judged])
    probability = late_probability(fit(learner, known_values(frame), frame), later)
    metrics = {
        "auc": float(roc_auc_score(later[LABEL], probability)),
        "log_loss": float(log_loss(later[LABEL], probability)),
        "brier": float(brier_score_loss(later[LABEL], probability)),
    }
    score = {
        "params": learner.model_dump(),
        "is_current": learner == conf.learner,
        "trained": {"first_month": months[0], "last_month": months[-1], "rows": len(frame)},
        "scored": {"month": judged, "rows": len(later)},
        "metrics": metrics,
    }
    step.write_to("scores").write_json(SCORE_FILE, score)
    print(f"{step.variable(PARTITION_VARIABLE)}: AUC {metrics['auc']:.4f} on {judged}")


if __name__ == "__main__":
    step.run(main)
