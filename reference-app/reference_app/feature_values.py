"""From values by feature to the row that the model takes, for clients that know its features."""

from collections.abc import Mapping
from reprlib import repr as shown

from annotated_types import Ge, Le

from reference_app.features import DERIVED, DISTANCE, Row
from reference_app.flight import WEATHER, Flight, FlightRefusedError
from reference_app.model_card import ModelCard, Value

# What a date and two times can be, both included.
INTEGERS: Mapping[str, tuple[int, int]] = {
    "month": (1, 12),
    "day_of_week": (1, 7),
    "scheduled_departure_minute": (0, 1439),
    "scheduled_arrival_minute": (0, 1439),
}
LONGEST_MILES = 12_451  # half of the Earth's circumference: no two airports are further apart


def _weather_bounds(feature: str) -> tuple[float, float]:
    """Those of the request's own field, so that both ways in refuse the same."""
    bounds = Flight.model_fields[feature].metadata
    (low,) = (float(str(bound.ge)) for bound in bounds if isinstance(bound, Ge))
    (high,) = (float(str(bound.le)) for bound in bounds if isinstance(bound, Le))
    return low, high


NUMBERS: Mapping[str, tuple[float, float]] = {
    DISTANCE: (1, LONGEST_MILES),
    **{feature: _weather_bounds(feature) for feature in WEATHER},
}


def is_optional(feature: str) -> bool:
    """Whether a typical value may stand in for it."""
    return feature not in DERIVED


def row_of_values(values: Mapping[str, Value], card: ModelCard) -> Row:
    """`values` has some of the card's features; None counts as not given. Raises `FlightRefusedError`."""
    problems: dict[str, str] = {}
    complete: dict[str, Value] = {}
    assumed = []
    for feature in card.features:
        value = values.get(feature)
        if value is None and feature == DISTANCE:
            value = card.distance_miles.get(f"{values.get('origin')}-{values.get('destination')}")
        if value is None and is_optional(feature):
            value = card.reference[feature]
            assumed.append(feature)
        elif problem := _problem(feature, value, card):
            problems[feature] = problem
        complete[feature] = value
    if not problems and (problem := _route_problem(complete, card)):
        problems["destination"] = problem
    if problems:
        raise FlightRefusedError(problems)
    return Row(complete, tuple(assumed))


def _problem(feature: str, value: Value, card: ModelCard) -> str | None:
    if value is None:
        return "is required"
    if feature in card.categorical:
        known = card.categorical[feature]
        return None if value in known else f"not known to this model; use one of {', '.join(map(str, sorted(known)))}"
    if not isinstance(value, int | float) or isinstance(value, bool):
        return f"{shown(value)} is not a number"
    low, high = INTEGERS.get(feature) or NUMBERS[feature]
    if feature in INTEGERS and value != int(value):
        return f"{shown(value)} is not whole; use a whole number from {low} to {high}"
    return None if low <= value <= high else f"{shown(value)} is out of bounds; use a number from {low:g} to {high:g}"


def _route_problem(values: Mapping[str, Value], card: ModelCard) -> str | None:
    route = f"{values.get('origin')}-{values.get('destination')}"
    if card.distance_miles and route not in card.distance_miles:
        return f"the model knows no direct flight {route}; use another destination or origin"
    return None
