"""The model itself: what is learnt, from which columns, and how it becomes bytes."""

import io
import pickle

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder
from threadpoolctl import threadpool_limits

from pipelines.flights.columns import CATEGORICAL, FEATURES, LABEL
from pipelines.flights.conf import LearnerConf


def known_values(frame: pd.DataFrame) -> dict[str, list[str]]:
    """The categories that `frame` holds, in order."""
    return {name: sorted(frame[name].unique().tolist()) for name in CATEGORICAL}


def unfitted(conf: LearnerConf, known: dict[str, list[str]]) -> Pipeline:
    """Takes a frame with the columns `FEATURES`. A category that is not in `known` counts as missing, as does a
    missing number: the learner finds out which side of each split fits them best."""
    encoder = OrdinalEncoder(
        categories=[np.array(known[name], dtype=object) for name in CATEGORICAL],
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
    )
    numbers = [name for name in FEATURES if name not in CATEGORICAL]
    columns = ColumnTransformer([("categories", encoder, list(CATEGORICAL)), ("numbers", "passthrough", numbers)])
    learner = HistGradientBoostingClassifier(
        max_iter=conf.iterations,
        learning_rate=conf.learning_rate,
        max_leaf_nodes=conf.leaf_nodes_max,
        min_samples_leaf=conf.leaf_rows_min,
        categorical_features=list(range(len(CATEGORICAL))),  # where the transformer puts them
        early_stopping=False,  # it would hold out rows of the training window at random
        random_state=conf.seed,
    )
    return Pipeline([("columns", columns), ("learner", learner)])


def fit(conf: LearnerConf, known: dict[str, list[str]], frame: pd.DataFrame) -> Pipeline:
    """The same rows and configuration give the same model, to the byte."""
    # scikit-learn writes the number of threads into the model, so the machine must not choose it.
    with threadpool_limits(conf.threads, user_api="openmp"):
        return unfitted(conf, known).fit(frame[list(FEATURES)], frame[LABEL])


def learner_columns(model: Pipeline) -> list[str]:
    """Names of what the learner behind the encoder takes, in its order."""
    return [name.partition("__")[2] for name in model.named_steps["columns"].get_feature_names_out()]


def late_probability(model: Pipeline, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
    """One probability (0-1) a row; the same bits by any number of threads."""
    with threadpool_limits(1, user_api="blas"):  # a logistic regression is a product of matrices
        return np.asarray(model.predict_proba(frame[list(FEATURES)])[:, 1], dtype=np.float64)


def to_bytes(model: Pipeline) -> bytes:
    """The same fitted model gives the same bytes. A plain pickle, which joblib reads and MLflow, too."""
    return pickle.dumps(model, protocol=5)


def from_bytes(content: bytes) -> Pipeline:
    """Only for bytes of our own store, whose digest has been verified: loading runs what they say."""
    model: Pipeline = joblib.load(io.BytesIO(content))
    return model
