"""Register: publish the model as a bundle, and enter it in the model registry under its digest."""

import json
from pathlib import Path
from typing import Any

from mlflow.exceptions import MlflowException

from infra.contracts.bundle import publish
from infra.contracts.names import OPERATOR
from infra.contracts.pipelines import (
    CHECKS,
    CHECKS_FILE,
    COMMIT_VARIABLE,
    LOCK_DIGEST_VARIABLE,
    RESULT_FILE,
    RUN_VARIABLE,
    PipelineResult,
)
from pipelines import step
from pipelines.flights.conf import FlightsConf
from pipelines.flights.data.quality import QUALITY_FILE
from pipelines.flights.model.bundle_store import bundle_store
from pipelines.flights.model.card import Lineage, model_card
from pipelines.flights.model.data_card import data_card_text
from pipelines.flights.model.files import (
    CARD_FILE,
    DATA_CARD_FILE,
    MODEL_CARD_FILE,
    MODEL_FILE,
    ONNX_FILE,
    PARITY_FILE,
)
from pipelines.flights.model.mlflow_model import mlflow_files
from pipelines.flights.model.model_card import model_card_text
from pipelines.flights.model.names import ALWAYS_AVERAGE
from pipelines.flights.model.registry import Registration, connect, register
from pipelines.flights.model.tags import RUN_TAG
from pipelines.flights.variables import PASSWORD_FILE_VARIABLE, REGISTRY_VARIABLE


def metrics_of(evaluation: dict[str, Any]) -> dict[str, float]:
    always_average = evaluation["models"][ALWAYS_AVERAGE]["metrics"]
    names = ("auc", "brier", "log_loss", "calibration_error", "late_share")
    return {
        **{name: evaluation["holdout"][name] for name in names},
        "baseline_brier": always_average["brier"]["value"],
    }


def params_of(conf: FlightsConf) -> dict[str, str]:
    """The learner's settings and what it learnt from, by their names in the configuration."""
    chosen = conf.model_dump(include={"train_first_month", "train_last_month", "holdout_month", "late_after_minutes"})
    return {name: str(value) for name, value in {**chosen, **conf.learner.model_dump()}.items()}


def main() -> None:
    conf = FlightsConf.from_environment()
    model, evaluated = step.read_from("model"), step.read_from("evaluation")
    training, evaluation = model.read_json("training.json"), evaluated.read_json("evaluation.json")
    checks = CHECKS.validate_python(step.read_from("verdict").read_json(CHECKS_FILE))
    quality = step.read_from("quality").read_json(QUALITY_FILE)
    lineage = Lineage(
        commit=step.variable(COMMIT_VARIABLE),
        data_digest=step.digest_of("raw"),
        lock_digest=step.variable(LOCK_DIGEST_VARIABLE),
    )
    card = model_card(conf.model, training, evaluation, lineage)
    # Nothing of the time or of the run: the same model of the same lineage is the same bundle.
    files = {
        MODEL_FILE: model.read_bytes(MODEL_FILE),
        ONNX_FILE: model.read_bytes(ONNX_FILE),
        PARITY_FILE: evaluated.read_bytes(PARITY_FILE),
        CARD_FILE: (json.dumps(card, indent=1, sort_keys=True) + "\n").encode(),
        MODEL_CARD_FILE: model_card_text(card, training, evaluation, checks).encode(),
        DATA_CARD_FILE: data_card_text(conf, evaluation, quality, card).encode(),
    }
    digest = publish(bundle_store(), files)
    url = step.variable(REGISTRY_VARIABLE)
    client = connect(url, OPERATOR, Path(step.variable(PASSWORD_FILE_VARIABLE)).read_text().strip())
    registration = Registration(
        model=conf.model,
        digest=digest,
        params=params_of(conf),
        metrics=metrics_of(evaluation),
        tags={**lineage.model_dump(), RUN_TAG: step.variable(RUN_VARIABLE)},
        files={
            **files,
            **mlflow_files(training),
            "evaluation.json": evaluated.read_bytes("evaluation.json"),
            CHECKS_FILE: step.read_from("verdict").read_bytes(CHECKS_FILE),
        },
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
    step.run(main)
