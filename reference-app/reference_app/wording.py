"""Features and their values in a passenger's words."""

import calendar
from collections.abc import Callable, Mapping

from reference_app.model_card import Value
from reference_app.names import names

TITLES: Mapping[str, str] = {
    "month": "Month",
    "day_of_week": "Day of the week",
    "scheduled_departure_minute": "Departure time",
    "scheduled_arrival_minute": "Arrival time",
    "carrier": "Carrier",
    "origin": "From",
    "destination": "To",
    "distance_miles": "Distance",
    "temperature_f": "Temperature",
    "dew_point_f": "Dew point",
    "humidity_percent": "Humidity",
    "wind_direction_degrees": "Wind direction",
    "wind_speed_mph": "Wind speed",
    "wind_gust_mph": "Wind gusts",
    "precipitation_inches": "Rain or snow",
    "pressure_millibars": "Air pressure",
    "visibility_miles": "Visibility",
}
UNITS: Mapping[str, str] = {
    "distance_miles": "miles",
    "temperature_f": "°F",
    "dew_point_f": "°F",
    "humidity_percent": "%",
    "wind_direction_degrees": "°",
    "wind_speed_mph": "mph",
    "wind_gust_mph": "mph",
    "precipitation_inches": "inches",
    "pressure_millibars": "mbar",
    "visibility_miles": "miles",
}


def clock_time(minute_of_day: float) -> str:
    """HH:MM, as a time field takes it."""
    minute = round(minute_of_day)
    return f"{minute // 60:02d}:{minute % 60:02d}"


def carrier_name(code: str) -> str:
    return f"{names().carriers[code]} ({code})" if code in names().carriers else code


def airport_name(code: str) -> str:
    return f"{names().airports[code]} ({code})" if code in names().airports else code


_WORDS: Mapping[str, Callable[[Value], str]] = {
    "month": lambda value: calendar.month_name[int(value or 0)],
    "day_of_week": lambda value: calendar.day_name[int(value or 0) - 1],
    "scheduled_departure_minute": lambda value: clock_time(float(value or 0)),
    "scheduled_arrival_minute": lambda value: clock_time(float(value or 0)),
    "carrier": lambda value: carrier_name(str(value)),
    "origin": lambda value: airport_name(str(value)),
    "destination": lambda value: airport_name(str(value)),
}


def in_words(feature: str, value: Value) -> str:
    """Such as "July", "18:30" or "12 mph"."""
    if value is None:
        return "not measured"
    if feature in _WORDS:
        return _WORDS[feature](value)
    number = f"{value:,.4g}" if isinstance(value, float) else str(value)
    return f"{number} {UNITS.get(feature, '')}".strip()
