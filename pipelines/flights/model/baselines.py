"""What the model must beat: the average for every flight, and a logistic regression on the same rows."""

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from pipelines.flights.columns import CATEGORICAL, FEATURES, LABEL

# Numbers that name something: the twelfth month is not twelve times the first.
NAMES = (*CATEGORICAL, "month", "day_of_week")
DIGITS = 6  # of the coefficients: what the solver leaves open is behind them, and the bytes must not hold it


def logistic_regression(frame: pd.DataFrame) -> Pipeline:
    """Takes a frame with the columns `FEATURES`; a name that the training window did not hold counts as none."""
    numbers = [name for name in FEATURES if name not in NAMES]
    scaled = Pipeline([("missing", SimpleImputer(strategy="median")), ("scale", StandardScaler())])
    names = OneHotEncoder(handle_unknown="ignore")
    columns = ColumnTransformer([("names", names, list(NAMES)), ("numbers", scaled, numbers)])
    learner = LogisticRegression(max_iter=100, tol=1e-3)
    model = Pipeline([("columns", columns), ("learner", learner)])
    # Sums by several threads differ in their last digits, and so would the model's bytes.
    with threadpool_limits(1):
        model.fit(frame[list(FEATURES)], frame[LABEL])
    learner.coef_, learner.intercept_ = learner.coef_.round(DIGITS), learner.intercept_.round(DIGITS)
    return model
