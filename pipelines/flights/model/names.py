"""Names of the models that are judged side by side."""

CANDIDATE, CHAMPION = "candidate", "champion"
ALWAYS_AVERAGE, LOGISTIC_REGRESSION = "always_average", "logistic_regression"
