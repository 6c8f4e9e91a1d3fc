"""From a flight to the row that the model takes. What is not known is a typical value, and said to be one."""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reference_app.flight import WEATHER, Flight
from reference_app.model_card import ModelCard, Value

DISTANCE = "distance_miles"


def _minute_of_day(time: datetime.time) -> int:
    return time.hour * 60 + time.minute


# What the request alone decides, by feature.
DERIVED: Mapping[str, Callable[[Flight], Value]] = {
    "month": lambda flight: flight.date.month,
    "day_of_week": lambda flight: flight.date.isoweekday(),  # Monday is 1
    "scheduled_departure_minute": lambda flight: _minute_of_day(flight.scheduled_departure),
    "scheduled_arrival_minute": lambda flight: _minute_of_day(flight.scheduled_arrival),
    "carrier": lambda flight: flight.carrier,
    "origin": lambda flight: flight.origin,
    "destination": lambda flight: flight.destination,
}


@dataclass(frozen=True)
class Row:
    """A value for each feature of the model; `assumed` names those that are only typical."""

    values: Mapping[str, Value]
    assumed: tuple[str, ...]


def underivable(features: tuple[str, ...]) -> list[str]:
    """The features that no request could ever supply; a model that needs one cannot be served."""
    known = {*DERIVED, *WEATHER, DISTANCE}
    return [feature for feature in features if feature not in known]


def row_of(flight: Flight, card: ModelCard) -> Row:
    values: dict[str, Value] = {}
    assumed = []
    for feature in card.features:
        known = _known(feature, flight, card)
        if known is None:
            known = card.reference[feature]
            assumed.append(feature)
        values[feature] = known
    return Row(values, tuple(assumed))


def _known(feature: str, flight: Flight, card: ModelCard) -> Value:
    """None when the passenger did not say and the model's facts do not tell."""
    if feature in DERIVED:
        return DERIVED[feature](flight)
    if feature == DISTANCE:
        return card.distance_miles.get(f"{flight.origin}-{flight.destination}")
    value: float | None = getattr(flight, feature)
    return value
