"""The request: what a passenger knows before departure. Every refusal says what would be accepted."""

import datetime
import re
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from reference_app.model_card import CODES, ModelCard

DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


class FlightRefusedError(Exception):
    """The request cannot be answered; `problems` maps a field ("" = the whole request) to what to change."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {problem}" for field, problem in problems.items()))
        self.problems = problems


def _date(value: object) -> datetime.date:
    try:
        # ASCII alone: the pattern's digits would take those of every script.
        if isinstance(value, str) and value.isascii() and DATE.fullmatch(value):
            return datetime.date.fromisoformat(value)
    except ValueError:
        pass  # such as the 30th of February; refused below like any other text
    raise PydanticCustomError("date", "use a date of the calendar as YYYY-MM-DD, such as 2013-07-04")


def _time(value: object) -> datetime.time:
    if isinstance(value, str) and value.isascii() and TIME.fullmatch(value):
        return datetime.time.fromisoformat(value)
    raise PydanticCustomError("time", "use the airport's local time as HH:MM, from 00:00 to 23:59, such as 18:30")


Date = Annotated[datetime.date, BeforeValidator(_date)]
LocalTime = Annotated[
    datetime.time, BeforeValidator(_time), WithJsonSchema({"type": "string", "pattern": f"^{TIME.pattern}$"})
]


class Flight(BaseModel):
    """Validated with `context=ModelCard`, which knows the carriers, airports and routes.

    The bounds of the weather are the extremes on record for the Earth's surface, rounded outwards: they catch
    wrong units, not rare weather.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    date: Date = Field(description="local date of departure")
    scheduled_departure: LocalTime = Field(description="local time at the origin, HH:MM")
    scheduled_arrival: LocalTime = Field(description="local time at the destination, HH:MM")
    carrier: str = Field(description="carrier code, such as B6")
    origin: str = Field(description="airport code, such as JFK")
    destination: str = Field(description="airport code, such as LAX")
    temperature_f: float | None = Field(default=None, ge=-130, le=140, description="degrees Fahrenheit at the origin")
    dew_point_f: float | None = Field(default=None, ge=-150, le=100, description="degrees Fahrenheit")
    humidity_percent: float | None = Field(default=None, ge=0, le=100, description="relative humidity")
    wind_direction_degrees: float | None = Field(default=None, ge=0, le=360, description="where it blows from")
    wind_speed_mph: float | None = Field(default=None, ge=0, le=260, description="miles per hour")
    wind_gust_mph: float | None = Field(default=None, ge=0, le=260, description="miles per hour")
    precipitation_inches: float | None = Field(default=None, ge=0, le=15, description="inches in the hour")
    pressure_millibars: float | None = Field(default=None, ge=850, le=1100, description="at sea level")
    visibility_miles: float | None = Field(default=None, ge=0, le=200, description="statute miles")

    @field_validator(*CODES)
    @classmethod
    def _code_is_known(cls, value: str, info: ValidationInfo) -> str:
        known = _card(info).codes(str(info.field_name))
        if value not in known:
            raise PydanticCustomError(
                "code", "not known to this model; use one of {known}", {"known": ", ".join(sorted(known))}
            )
        return value

    @model_validator(mode="after")
    def _route_exists(self, info: ValidationInfo) -> Self:
        routes = _card(info).distance_miles
        if self.origin == self.destination:
            raise PydanticCustomError("route", "origin and destination are the same; change one of them")
        if routes and f"{self.origin}-{self.destination}" not in routes:
            starts = sorted(route.partition("-")[0] for route in routes if route.endswith(f"-{self.destination}"))
            raise PydanticCustomError(
                "route",
                "the model knows no direct flight {route}; use another destination, or an origin of {starts}",
                {"route": f"{self.origin}-{self.destination}", "starts": ", ".join(starts) or "none"},
            )
        return self


WEATHER = tuple(name for name, field in Flight.model_fields.items() if not field.is_required())


def _card(info: ValidationInfo) -> ModelCard:
    if not isinstance(info.context, ModelCard):
        raise TypeError("a flight is validated with context=ModelCard")
    return info.context


def flight_from_json(body: bytes, card: ModelCard) -> Flight:
    """Raises `FlightRefusedError`. Strict: a number in quotes is refused rather than guessed."""
    try:
        return Flight.model_validate_json(body, strict=True, context=card)
    except ValidationError as error:
        raise FlightRefusedError(_problems(error)) from error


def flight_from_object(fields: object, card: ModelCard) -> Flight:
    """From one of several in a body that has been read already; as strict as `flight_from_json`."""
    try:
        return Flight.model_validate(fields, strict=True, context=card)
    except ValidationError as error:
        raise FlightRefusedError(_problems(error)) from error


def flight_from_form(fields: dict[str, str], card: ModelCard) -> Flight:
    """From the text fields of a form; an empty one counts as not given. Raises `FlightRefusedError`."""
    given = {name: value for name, value in fields.items() if value.strip()}
    try:
        return Flight.model_validate_strings(given, context=card)
    except ValidationError as error:
        raise FlightRefusedError(_problems(error)) from error


def _problems(error: ValidationError) -> dict[str, str]:
    """Messages in our own words where pydantic's speak of inputs and extras."""
    words = {"missing": "is required", "extra_forbidden": "is not a field of a flight; leave it out"}
    problems: dict[str, str] = {}
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        field = ".".join(str(part) for part in problem["loc"])
        problems[field] = words.get(problem["type"], problem["msg"].removeprefix("Input "))
    return problems
