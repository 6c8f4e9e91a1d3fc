"""Report: compare the trials, say how to take over the best, and tell MLflow of each."""

import json
from pathlib import Path
from typing import Any

from mlflow.exceptions import MlflowException

from infra.contracts.bundle import digest_of
from infra.contracts.names import OPERATOR
from infra.contracts.pipelines import COMMIT_VARIABLE, LOCK_DIGEST_VARIABLE
from pipelines import step
from pipelines.flights.conf import FlightsConf
from pipelines.flights.experiment.plan import ORDER_FILE
from pipelines.flights.experiment.trial import SCORE_FILE
from pipelines.flights.model.registry import Registration, connect, finished_run
from pipelines.flights.variables import PASSWORD_FILE_VARIABLE, REGISTRY_VARIABLE

REPORT_FILE, TEXT_FILE = "report.json", "report.txt"
OBJECTIVE = "auc"  # the greatest is the best: what counts is who is late before whom, calibration comes after
SHOWN = 10


def compared(scores: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The trials, the best first; of equals the one that was planned first."""
    ranked = sorted(scores, key=lambda name: -scores[name]["metrics"][OBJECTIVE])
    best = scores[ranked[0]]
    current = next(score for score in scores.values() if score["is_current"])
    return {
        "objective": OBJECTIVE,
        "scored": best["scored"],
        "best": ranked[0],
        "gain": best["metrics"][OBJECTIVE] - current["metrics"][OBJECTIVE],
        "changes": {name: value for name, value in best["params"].items() if value != current["params"][name]},
        "trials": [{"name": name, **scores[name]} for name in ranked],
    }


def text(report: dict[str, Any]) -> str:
    """For a terminal: a table of the best, and what to change to take them over."""
    trials, month = report["trials"], report["scored"]["month"]
    varied = [name for name in trials[0]["params"] if len({json.dumps(each["params"][name]) for each in trials}) > 1]
    table = [["AUC", "log loss", "Brier", *varied, ""]]
    for place, trial in enumerate(trials):
        if place < SHOWN or trial["is_current"]:
            measured = (f"{trial['metrics'][metric]:.4f}" for metric in ("auc", "log_loss", "brier"))
            settings = (f"{trial['params'][name]:g}" for name in varied)
            table.append([*measured, *settings, "current" if trial["is_current"] else ""])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [f"{len(trials)} trials, scored on {month} ({report['scored']['rows']:,} flights)"]
    lines += ["  ".join(map(str.rjust, row, widths)).rstrip() for row in table]
    if not report["changes"]:
        return "\n".join([*lines, "the current settings are the best of these", ""])
    lines += [
        f"the best gains {report['gain']:+.4f} AUC over the current settings; to take it over, write into",
        "pipelines/confs/flights.yaml, then `highway up`:",
        "learner:",
        *(f"  {name}: {value:g}" for name, value in report["changes"].items()),
    ]
    return "\n".join([*lines, ""])


def track(conf: FlightsConf, scores: dict[str, dict[str, Any]], url: str) -> None:
    """One MLflow run a trial, however often this is repeated: the digest of its score names it."""
    client = connect(url, OPERATOR, Path(step.variable(PASSWORD_FILE_VARIABLE)).read_text().strip())
    tags = {"commit": step.variable(COMMIT_VARIABLE), "lock_digest": step.variable(LOCK_DIGEST_VARIABLE)}
    for name, score in scores.items():
        content = (json.dumps(score, indent=1, sort_keys=True) + "\n").encode()
        wanted = Registration(
            model=f"{conf.model}-search",
            digest=digest_of(content),
            params={key: str(value) for key, value in score["params"].items()},
            metrics=score["metrics"],
            tags={**tags, "trial": name, "features_digest": step.digest_of("features")},
            files={SCORE_FILE: content},
        )
        finished_run(client, wanted)


def main() -> None:
    conf = FlightsConf.from_environment()
    found = step.read_from("scores")
    scores = {name: found.read_json(f"{name}/{SCORE_FILE}") for name in step.read_from("trials").read_json(ORDER_FILE)}
    report = compared(scores)
    url = step.variable(REGISTRY_VARIABLE)
    try:
        track(conf, scores, url)
    except MlflowException as error:
        step.fail(f"the model registry at {url} refused or does not answer: {' '.join(str(error).split())}")
    output = step.write_to("report")
    output.write_json(REPORT_FILE, report)
    output.write_bytes(TEXT_FILE, text(report).encode())
    print(text(report), end="")


if __name__ == "__main__":
    step.run(main)
