"""The parameters of the flight pipeline, from `pipelines/confs/flights.yaml` to each step's environment."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, StringConstraints, model_validator

from pipelines.conf import FileConf, Frozen

PARAMETER = "FLIGHTS_CONF"

Month = Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]


class LearnerConf(Frozen):
    """Of scikit-learn's histogram gradient boosting."""

    iterations: int = Field(ge=1)
    learning_rate: float = Field(gt=0, le=1)
    leaf_nodes_max: int = Field(ge=2)
    leaf_rows_min: int = Field(ge=1)
    calibration_months: int = Field(
        ge=0, description="last ones of the training window, predicted by trees of the months before; 0: no calibration"
    )
    seed: int = Field(ge=0)
    threads: int = Field(ge=1)


class FlightsConf(FileConf):
    """Months are inclusive."""

    FILE: ClassVar[str] = "flights.yaml"
    PARAMETER: ClassVar[str] = PARAMETER

    model: str = Field(min_length=1, description="name of the registered model")
    late_after_minutes: int = Field(ge=0, description="an arrival later than this is late")
    first_month: Month = Field(description="the data must hold every month from here")
    last_month: Month
    train_first_month: Month
    train_last_month: Month
    holdout_month: Month = Field(description="judges the model; comes after the training window")
    month_rows_min: int = Field(ge=1, description="fewest flights that a whole month has")
    month_rows_max: int = Field(ge=1)
    weather_rows_min: int = Field(ge=1, description="fewest readings of all stations in a month")
    newest_flight_late_days_max: int = Field(
        ge=0, le=27, description="the newest flight is this many days at most before the end of last_month"
    )
    newest_reading_late_days_max: int = Field(ge=0, le=27, description="the same of the newest weather reading")
    weather_age_hours_max: int = Field(ge=1, description="an older reading says nothing of the weather now")
    wind_speed_mph_max: float = Field(gt=0, description="a reading above this is wrong and counts as missing")
    implausible_share_max: float = Field(ge=0, le=1, description="of a month's readings; more is a broken source")
    learner: LearnerConf

    @model_validator(mode="after")
    def _windows_follow_each_other(self) -> Self:
        order = [self.first_month, self.train_first_month, self.train_last_month, self.holdout_month, self.last_month]
        if order != sorted(order) or self.train_last_month == self.holdout_month:
            raise ValueError(
                "months must follow each other: first <= train_first <= train_last < holdout <= last; "
                f"got {' '.join(order)}"
            )
        return self

    def months(self) -> list[str]:
        return months_between(self.first_month, self.last_month)

    def training_months(self) -> list[str]:
        return months_between(self.train_first_month, self.train_last_month)


def months_between(first: str, last: str) -> list[str]:
    """All months from `first` to `last`, both inclusive, as YYYY-MM."""
    start, end = (int(month[:4]) * 12 + int(month[5:]) - 1 for month in (first, last))
    return [f"{number // 12}-{number % 12 + 1:02}" for number in range(start, end + 1)]
