"""The one way to an answer, for the API and the page alike, so that both are counted, timed and written down alike."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from reference_app.explanation import Contribution, explain
from reference_app.features import Row, row_of
from reference_app.flight import Flight, FlightRefusedError
from reference_app.metrics import Metrics, Outcomes
from reference_app.model import Model
from reference_app.model_card import ModelCard
from reference_app.together import Together

Given = TypeVar("Given")


@dataclass(frozen=True, slots=True)
class Answer:
    """`probability` of being more than 15 minutes late, by exactly this `model`; `row.assumed` names the features
    with a typical value."""

    request_id: str
    model: Model
    flight: Flight
    row: Row
    probability: float
    reasons: tuple[Contribution, ...] = ()


# Called with request id, model, row and probability of each prediction before it is sent, on the event loop: to
# hand it on, not to wait for anything.
Listener = Callable[[str, Model, Row, float], None]


class Predictor:
    """Holds the model that answers now. `swap` puts another in its place between two requests: a request reads
    the model once, so its answer is of one model from parsing to name."""

    def __init__(self, model: Model, metrics: Metrics) -> None:
        self._metrics = metrics
        self._current: tuple[Model, Outcomes] = (model, metrics.serving(model))
        self._together = Together()
        self._listeners: list[Listener] = []

    @property
    def model(self) -> Model:
        return self._current[0]

    @property
    def current(self) -> tuple[Model, Outcomes]:
        """The model that answers, with the counters of its predictions."""
        return self._current

    def swap(self, model: Model) -> Model:
        """From now on `model` answers; returns the one before."""
        before = self.model
        self._current = (model, self._metrics.serving(model))
        return before

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def tell(self, request_id: str, model: Model, row: Row, probability: float) -> None:
        """What was predicted goes to all who listen."""
        for listener in self._listeners:
            listener(request_id, model, row, probability)

    async def predict(self, given: Given, parse: Callable[[Given, ModelCard], Flight], *, request_id: str) -> Answer:
        """Scored together with what else is asked for just now. Raises `FlightRefusedError` when the request is at
        fault."""
        model, outcomes = self._current
        with self._counted(outcomes):
            flight = parse(given, model.card)
            row = row_of(flight, model.card)
            probability = await self._together.score(model, row.values)
        self.tell(request_id, model, row, probability)
        return Answer(request_id, model, flight, row, probability)

    def explain(self, given: Given, parse: Callable[[Given, ModelCard], Flight], *, request_id: str) -> Answer:
        """As `predict`, with the reasons. Raises `FlightRefusedError`."""
        model, outcomes = self._current
        with self._counted(outcomes):
            flight = parse(given, model.card)
            row = row_of(flight, model.card)
            probability, reasons = explain(model, row)
        self.tell(request_id, model, row, probability)
        return Answer(request_id, model, flight, row, probability, tuple(reasons))

    @contextmanager
    def _counted(self, outcomes: Outcomes) -> Iterator[None]:
        """One prediction, by how it ended; those that were answered with their time."""
        started = time.perf_counter()
        try:
            yield
        except FlightRefusedError:
            outcomes.rejected.inc()
            raise
        except Exception:
            outcomes.failed.inc()
            raise
        outcomes.answered.inc()
        self._metrics.prediction_seconds.observe(time.perf_counter() - started)
