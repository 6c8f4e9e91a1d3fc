"""From a flight to the row that the model takes. What is not known is a typical value, and said to be one."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from reference_app.flight import WEATHER, Flight
from reference_app.model_card import CODES, ModelCard, Value

DISTANCE = "distance_miles"

# What the request alone decides.
DERIVED = ("month", "day_of_week", "scheduled_departure_minute", "scheduled_arrival_minute", *CODES)


def _minute_of_day(time: datetime.time) -> int:
    return time.hour * 60 + time.minute


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
    # None where the passenger did not say and the model's facts do not tell.
    known: dict[str, Value] = {
        **vars(flight),
        "month": flight.date.month,
        "day_of_week": flight.date.isoweekday(),  # Monday is 1
        "scheduled_departure_minute": _minute_of_day(flight.scheduled_departure),
        "scheduled_arrival_minute": _minute_of_day(flight.scheduled_arrival),
        DISTANCE: card.distance_miles.get(f"{flight.origin}-{flight.destination}"),
    }
    values = {feature: known[feature] for feature in card.features}
    assumed = tuple(feature for feature in card.features if values[feature] is None)
    for feature in assumed:
        values[feature] = card.reference[feature]
    return Row(values, assumed)
