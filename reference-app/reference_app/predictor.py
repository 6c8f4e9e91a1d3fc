"""The one way to an answer, for the API and the page alike, so that both are counted and timed alike."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from reference_app.explanation import Contribution, explain
from reference_app.features import row_of
from reference_app.flight import Flight, FlightRefusedError
from reference_app.metrics import Metrics
from reference_app.model import Model
from reference_app.model_card import ModelCard

Given = TypeVar("Given")


@dataclass(frozen=True)
class Answer:
    """`probability` of being more than 15 minutes late; `assumed` names the features with a typical value."""

    flight: Flight
    probability: float
    assumed: tuple[str, ...]
    reasons: tuple[Contribution, ...] = ()


@dataclass(frozen=True)
class Predictor:
    model: Model
    metrics: Metrics

    def answer(
        self, given: Given, parse: Callable[[Given, ModelCard], Flight], *, with_reasons: bool = False
    ) -> Answer:
        """Raises `FlightRefusedError` when the request is at fault."""
        started = time.perf_counter()
        try:
            flight = parse(given, self.model.card)
            row = row_of(flight, self.model.card)
            if with_reasons:
                probability, reasons = explain(self.model, row)
            else:
                (probability,), reasons = self.model.probabilities([row.values]), []
        except FlightRefusedError:
            self.metrics.rejected.inc()
            raise
        except Exception:
            self.metrics.failed.inc()
            raise
        self.metrics.answered.inc()
        self.metrics.prediction_seconds.observe(time.perf_counter() - started)
        return Answer(flight, probability, row.assumed, tuple(reasons))
