"""Train: fit the model on the training window."""

import pandas as pd
import sklearn

from pipelines import step
from pipelines.flights.columns import CATEGORICAL, FEATURES, LABEL
from pipelines.flights.conf import FlightsConf
from pipelines.flights.dataset import read_dataset
from pipelines.flights.model import fit, to_bytes


def known_values(frame: pd.DataFrame) -> dict[str, list[str]]:
    """The categories that the training window holds, in order."""
    return {name: sorted(frame[name].unique().tolist()) for name in CATEGORICAL}


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
    frame = read_dataset(step.read_from("features"), step.read_from("labels"), months)
    known = known_values(frame)
    model = fit(conf.learner, known, frame)
    output = step.write_to("model")
    output.write_bytes("model.joblib", to_bytes(model))
    training = {
        "features": list(FEATURES),
        "categorical": known,
        "reference": typical(frame),
        "distance_miles": distances(frame),
        "training": {"first_month": months[0], "last_month": months[-1], "rows": len(frame)},
        "late_share": float(frame[LABEL].mean()),
        "sklearn": sklearn.__version__,
    }
    output.write_json("training.json", training)
    print(f"trained on {len(frame):,} flights of {months[0]} to {months[-1]}, {frame[LABEL].mean():.1%} of them late")


if __name__ == "__main__":
    step.run(main)
