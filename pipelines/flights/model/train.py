"""Train: fit the model on the training window, calibrate it out of time, and fit what it must beat."""

import pandas as pd
import sklearn

from pipelines import step
from pipelines.flights.columns import CATEGORICAL, FEATURES, LABEL
from pipelines.flights.conf import FlightsConf
from pipelines.flights.dataset import read_dataset
from pipelines.flights.model.baselines import logistic_regression
from pipelines.flights.model.calibration import scale, slope_out_of_time
from pipelines.flights.model.files import BASELINE_FILE, MODEL_FILE, ONNX_FILE
from pipelines.flights.model.learner import fit, known_values, learner_columns, to_bytes
from pipelines.flights.model.onnx_export import to_onnx


def typical(frame: pd.DataFrame) -> dict[str, str | float]:
    """The flight that explanations compare with: the most frequent category, the median number."""
    return {
        name: str(frame[name].mode().iloc[0]) if name in CATEGORICAL else float(frame[name].median())
        for name in FEATURES
    }


def distances(frame: pd.DataFrame) -> dict[str, float]:
    """Miles by route, such as JFK-LAX. The source corrected a few in the year: the most frequent one counts."""
    route = frame["origin"].str.cat(frame["destination"], sep="-")
    miles = frame.groupby(route)["distance_miles"].agg(lambda each: each.mode().iloc[0])
    return {str(name): float(value) for name, value in miles.items()}


def main() -> None:
    conf = FlightsConf.from_environment()
    months = conf.training_months()
    features, labels = step.read_from("features"), step.read_from("labels")
    by_month = {month: read_dataset(features, labels, [month]) for month in months}
    frame = pd.concat(by_month.values(), ignore_index=True)
    known = known_values(frame)
    model = fit(conf.learner, known, frame)
    slope = slope_out_of_time(conf.learner, by_month)
    scale(model, slope)
    output = step.write_to("model")
    output.write_bytes(MODEL_FILE, to_bytes(model))
    output.write_bytes(ONNX_FILE, to_onnx(model.named_steps["learner"], learner_columns(model), FEATURES, known))
    output.write_bytes(BASELINE_FILE, to_bytes(logistic_regression(frame)))
    training = {
        "features": list(FEATURES),
        "categorical": known,
        "reference": typical(frame),
        "distance_miles": distances(frame),
        "training": {"first_month": months[0], "last_month": months[-1], "rows": len(frame)},
        "late_share": float(frame[LABEL].mean()),
        "calibration_slope": slope,
        "sklearn": sklearn.__version__,
    }
    output.write_json("training.json", training)
    print(f"trained on {len(frame):,} flights of {months[0]} to {months[-1]}, {frame[LABEL].mean():.1%} of them late")
    print(f"of the trees' scores {slope:.2f} hold in the following month; their leaves are scaled by it")


if __name__ == "__main__":
    step.run(main)
