"""`model.json`: what a model says about itself, and the only thing the app knows of how it was trained."""

from collections.abc import Mapping
from functools import cached_property
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

# A missing measurement (None) is a value that the model was trained on.
Value = int | float | str | None

# What the request always asks for by code; the model must say which codes it knows.
CODES = ("carrier", "origin", "destination")


class Fact(BaseModel):
    # Newer pipelines may say more than this version of the app reads.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Training(Fact):
    """Months as YYYY-MM, both included."""

    first_month: str
    last_month: str
    rows: int


class Holdout(Fact):
    """How the model did on the month after its training window."""

    month: str
    rows: int
    auc: float
    brier: float
    late_share: float = Field(ge=0, le=1)


class ModelCard(Fact):
    name: str
    features: tuple[str, ...] = Field(min_length=1, description="the columns of the model's input, in order")
    categorical: Mapping[str, tuple[str | int, ...]] = Field(description="the values known for a feature")
    reference: Mapping[str, Value] = Field(description="a typical value for every feature")
    distance_miles: Mapping[str, float] = Field(
        default_factory=dict, description="miles by route, such as JFK-LAX; none means distances are not known"
    )
    training: Training
    holdout: Holdout
    sklearn: str = Field(description="the version of scikit-learn that wrote model.joblib")

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if missing := [feature for feature in self.features if feature not in self.reference]:
            raise ValueError(f"reference has no value for {', '.join(missing)}")
        if missing := [code for code in CODES if not self.categorical.get(code)]:
            raise ValueError(f"categorical lists no values for {', '.join(missing)}")
        return self

    @cached_property
    def _codes(self) -> Mapping[str, tuple[str, ...]]:
        return {feature: tuple(str(code) for code in self.categorical[feature]) for feature in CODES}

    def codes(self, feature: str) -> tuple[str, ...]:
        """The known codes of a carrier or airport feature, in the model's order."""
        return self._codes[feature]
