"""The log of predictions: JSON Lines, one prediction a line, as the app writes them."""

import json
from collections.abc import Iterable
from typing import Any

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from pipelines.flights.columns import CATEGORICAL, FEATURES
from pipelines.flights.data.contracts.flights import MINUTES_A_DAY
from pipelines.flights.data.contracts.violations import EXAMPLES, Violation, violations

MEMBERS = ("request_id", "predicted_at", "model", "model_version", "model_digest", "probability_late", "assumed")
_NUMBERS = ("probability_late", *(name for name in FEATURES if name not in CATEGORICAL))
_DIGEST = r"^sha256:[0-9a-f]{64}$"
_MINUTE_OF_DAY: dict[str, Any] = {"ge": 0, "le": MINUTES_A_DAY, "nullable": True}


class Predictions(pa.DataFrameModel):
    """The members of a line and, beside them, its features: `null` where the asker and the model did not know one.

    Features have the ranges that training data have: outside of them the model was asked what it never saw. A request
    id is the asker's and may come again; not in the same millisecond."""

    request_id: str = pa.Field(str_length={"min_value": 1})
    predicted_at: Series[pd.DatetimeTZDtype] = pa.Field(dtype_kwargs={"unit": "ms", "tz": "UTC"})
    model: str = pa.Field(str_length={"min_value": 1})
    model_version: str = pa.Field(str_length={"min_value": 1})
    model_digest: str = pa.Field(str_matches=_DIGEST)
    probability_late: float = pa.Field(ge=0, le=1)
    assumed: object = pa.Field(description="names of the features that nobody gave")

    month: float = pa.Field(ge=1, le=12, nullable=True)
    day_of_week: float = pa.Field(ge=1, le=7, nullable=True)
    scheduled_departure_minute: float = pa.Field(**_MINUTE_OF_DAY)
    scheduled_arrival_minute: float = pa.Field(**_MINUTE_OF_DAY)
    carrier: str = pa.Field(nullable=True)
    origin: str = pa.Field(nullable=True)
    destination: str = pa.Field(nullable=True)
    distance_miles: float = pa.Field(ge=1, le=10_000, nullable=True)
    temperature_f: float = pa.Field(ge=-60, le=130, nullable=True)
    dew_point_f: float = pa.Field(ge=-80, le=100, nullable=True)
    humidity_percent: float = pa.Field(ge=0, le=100, nullable=True)
    wind_speed_mph: float = pa.Field(ge=0, nullable=True)
    precipitation_inches: float = pa.Field(ge=0, le=12, nullable=True)
    pressure_millibars: float = pa.Field(ge=870, le=1085, nullable=True)
    visibility_miles: float = pa.Field(ge=0, le=100, nullable=True)

    class Config:
        strict = True
        unique = ["request_id", "predicted_at"]  # noqa: RUF012 - pandera reads it from here

    @pa.check("assumed", name="names what is no feature")
    @classmethod
    def _features_are_assumed(cls, assumed: Series[object]) -> "pd.Series[bool]":
        return assumed.map(lambda names: isinstance(names, list) and set(names) <= set(FEATURES)).astype(bool)


def read_predictions(lines: Iterable[bytes], name: str) -> tuple[pd.DataFrame, list[Violation]]:
    """The predictions in a file (columns of `Predictions`, in its order), and what breaks the contract.

    A line that is none, as a kill leaves it, is reported and left out; `row` counts those that are left, from 0."""
    taken: list[dict[str, Any]] = []
    torn: list[int] = []
    for number, line in enumerate(lines, 1):
        values = _values(line)
        if values is None:
            torn.append(number)
        else:
            taken.append(values)
    written = pd.DataFrame.from_records(taken, columns=[*MEMBERS, *FEATURES])
    frame = _typed(written)
    found = violations(Predictions, frame, name) if len(frame) else []
    for column in _NUMBERS:
        lost = frame.index[written[column].notna() & frame[column].isna()]
        if len(lost):
            found.append(Violation(name, f"{column} is no number", len(lost), f"row {lost[0]}"))
    if torn:
        examples = "; ".join(f"line {number}" for number in torn[:EXAMPLES])
        found.append(Violation(name, "no whole prediction", len(torn), examples))
    return frame, found


def _values(line: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(line)
    except ValueError:
        return None
    if not isinstance(said, dict) or not isinstance(said.get("features"), dict):
        return None
    members = {key: value for key, value in said.items() if key != "features"}
    is_whole = set(members) == set(MEMBERS) and set(said["features"]) == set(FEATURES)
    return {**members, **said["features"]} if is_whole else None


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """What is no number or no time becomes a missing one."""
    return frame.assign(
        **{name: pd.to_numeric(frame[name], errors="coerce").astype("float64") for name in _NUMBERS},
        **{name: frame[name].astype("str") for name in ("request_id", "model", "model_version", "model_digest")},
        **{name: frame[name].astype("str") for name in CATEGORICAL},
        predicted_at=pd.to_datetime(frame["predicted_at"], errors="coerce", utc=True, format="ISO8601").dt.as_unit(
            "ms"
        ),
    )
