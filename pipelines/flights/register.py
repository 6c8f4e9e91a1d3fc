"""Register: publish the model as a bundle, and enter it in the model registry under its digest."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mlflow.exceptions import MlflowException

from infra.contracts.bundle import publish
from infra.contracts.names import OPERATOR
from infra.contracts.pipelines import COMMIT_VARIABLE, LOCK_DIGEST_VARIABLE, RESULT_FILE, PipelineResult
from pipelines import step
from pipelines.flights.card import Lineage, model_card
from pipelines.flights.conf import FlightsConf
from pipelines.flights.registry import Registration, connect, register
from pipelines.flights.variables import BUNDLES_VARIABLE, PASSWORD_FILE_VARIABLE, REGISTRY_VARIABLE


def bundle_store() -> Path:
    uri = step.variable(BUNDLES_VARIABLE)
    if urlsplit(uri).scheme != "file":
        step.fail(f"{BUNDLES_VARIABLE} is {uri!r}: bundles are published to a file:/// URI")
    return Path(unquote(urlsplit(uri).path))


def metrics_of(evaluation: dict[str, Any]) -> dict[str, float]:
    return {
        "auc": evaluation["holdout"]["auc"],
        "brier": evaluation["holdout"]["brier"],
        "baseline_brier": evaluation["baseline"]["brier"],
        "late_share": evaluation["holdout"]["late_share"],
    }


def params_of(conf: FlightsConf) -> dict[str, str]:
    """The learner's settings and what it learnt from, by their names in the configuration."""
    chosen = conf.model_dump(include={"train_first_month", "train_last_month", "holdout_month", "late_after_minutes"})
    return {name: str(value) for name, value in {**chosen, **conf.learner.model_dump()}.items()}


def main() -> None:
    conf = FlightsConf.from_environment()
    model, evaluated = step.read_from("model"), step.read_from("evaluation")
    evaluation = evaluated.read_json("evaluation.json")
    lineage = Lineage(
        commit=step.variable(COMMIT_VARIABLE),
        data_digest=step.digest_of("raw"),
        lock_digest=step.variable(LOCK_DIGEST_VARIABLE),
    )
    card = model_card(conf.model, model.read_json("training.json"), evaluation, lineage)
    files = {
        "model.joblib": model.read_bytes("model.joblib"),
        "model.json": (json.dumps(card, indent=1, sort_keys=True) + "\n").encode(),
    }
    digest = publish(bundle_store(), files)
    url = step.variable(REGISTRY_VARIABLE)
    client = connect(url, OPERATOR, Path(step.variable(PASSWORD_FILE_VARIABLE)).read_text().strip())
    registration = Registration(
        model=conf.model,
        digest=digest,
        params=params_of(conf),
        metrics=metrics_of(evaluation),
        tags=lineage.model_dump(),
        files={**files, "evaluation.json": evaluated.read_bytes("evaluation.json")},
    )
    try:
        version = register(client, registration)
    except MlflowException as error:
        reason = " ".join(str(error).split())  # MLflow quotes whole pages
        step.fail(f"the model registry at {url} refused or does not answer: {reason}")
    result = PipelineResult(
        model=conf.model, version=version, digest=digest, rows=evaluation["rows_in"], metrics=metrics_of(evaluation)
    )
    step.write_to("result").write_json(RESULT_FILE, result.model_dump())
    print(f"{conf.model} version {version} is {digest}")


if __name__ == "__main__":
    main()
