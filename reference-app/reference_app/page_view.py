"""What the page shows, computed here so that the template only lays it out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reference_app.explanation import Contribution
from reference_app.flight import WEATHER
from reference_app.model import Model
from reference_app.model_card import CODES
from reference_app.predictor import Answer
from reference_app.wording import TITLES, UNITS, airport_name, carrier_name, clock_time, in_words

MOST_REASONS = 6
# Half of the bar's drawing, in its own units: the longest bar goes from the middle to an edge.
HALF_BAR = 100
# Two risks within it are called alike: the model's own error is larger than that.
ALIKE = 0.02


@dataclass(frozen=True)
class Option:
    code: str
    label: str


@dataclass(frozen=True)
class Reason:
    """`points` is a signed change in percentage points; `bar_start` and `bar_width` draw it from the middle."""

    title: str
    value: str
    typical: str
    points: str
    is_raising: bool
    bar_start: float
    bar_width: float


@dataclass(frozen=True)
class Result:
    percent: str
    typical_percent: str
    of_hundred: int
    verdict: str
    route: str
    reasons: tuple[Reason, ...]
    assumed: tuple[str, ...]


@dataclass(frozen=True)
class PageView:
    """`values` and `problems` are by field of the form; "" in `problems` is about the flight as a whole."""

    model: Model
    app_version: str
    values: Mapping[str, str]
    options: Mapping[str, tuple[Option, ...]]
    weather: Mapping[str, tuple[str, str]]  # field to title and unit
    problems: Mapping[str, str] = field(default_factory=dict)
    result: Result | None = None

    @property
    def titles(self) -> Mapping[str, str]:
        own = {"date": "Date", "scheduled_departure": "Departs at", "scheduled_arrival": "Arrives at"}
        return {**TITLES, **own}

    @property
    def summary(self) -> Mapping[str, str]:
        """The problems in the order of the form, so that the way from one to the next is down the page."""
        order = ["", "origin", "destination", "carrier", "date", "scheduled_departure", "scheduled_arrival", *WEATHER]
        known = [name for name in order if name in self.problems]
        return {name: self.problems[name] for name in [*known, *sorted(set(self.problems) - set(known))]}

    @property
    def is_weather_open(self) -> bool:
        return any(self.values.get(name) or name in self.problems for name in self.weather)


def typical_values(model: Model, date: str) -> dict[str, str]:
    """The form as it is first shown: a typical flight on `date` (YYYY-MM-DD)."""
    typical = model.card.reference
    values = {"date": date, **{code: str(typical[code]) for code in CODES if code in typical}}
    for name in ("scheduled_departure", "scheduled_arrival"):
        if isinstance(minute := typical.get(f"{name}_minute"), int | float):
            values[name] = clock_time(minute)
    return values


def options_of(model: Model) -> dict[str, tuple[Option, ...]]:
    """The known codes under the names that people look for, in the order of those names."""
    shown = {"carrier": carrier_name, "origin": airport_name, "destination": airport_name}
    return {
        name: tuple(sorted((Option(code, label(code)) for code in model.card.codes(name)), key=lambda o: o.label))
        for name, label in shown.items()
    }


def weather_of(model: Model) -> dict[str, tuple[str, str]]:
    return {name: (TITLES[name], UNITS[name]) for name in WEATHER if name in model.card.features}


def result_of(answer: Answer) -> Result:
    model = answer.model
    difference = answer.probability - model.typical_probability
    verdict = "about as high as" if abs(difference) < ALIKE else "higher than" if difference > 0 else "lower than"
    shown = answer.reasons[:MOST_REASONS]
    largest = max((abs(reason.change) for reason in shown), default=0.0)
    return Result(
        percent=f"{answer.probability:.0%}",
        typical_percent=f"{model.typical_probability:.0%}",
        of_hundred=round(answer.probability * 100),
        verdict=verdict,
        route=f"{airport_name(answer.flight.origin)} to {airport_name(answer.flight.destination)}",
        reasons=tuple(_reason(reason, largest) for reason in shown),
        assumed=tuple(TITLES[feature].lower() for feature in answer.row.assumed),
    )


def _reason(reason: Contribution, largest: float) -> Reason:
    width = HALF_BAR * abs(reason.change) / largest
    return Reason(
        title=TITLES[reason.feature],
        value=in_words(reason.feature, reason.value),
        typical=in_words(reason.feature, reason.typical),
        points=f"{reason.change * 100:+.1f}".replace("-", "\N{MINUS SIGN}"),
        is_raising=reason.change > 0,
        bar_start=round(HALF_BAR - (0 if reason.change > 0 else width), 2),
        bar_width=round(width, 2),
    )
