"""Many predictions for one request: by one model, in one scoring call, while other requests get their turn."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from reference_app.features import Row
from reference_app.flight import FlightRefusedError
from reference_app.metrics import Outcomes
from reference_app.model import Model
from reference_app.model_card import ModelCard
from reference_app.predictor import Predictor

Given = TypeVar("Given")

# Checking a row takes some 20 microseconds, so nobody else waits much longer than half a millisecond.
ROWS_A_TURN = 32


@dataclass(frozen=True, slots=True)
class Many:
    """`rows` in the order in which they were given, each with what to change where it was refused."""

    model: Model
    outcomes: Outcomes
    rows: tuple[Row | FlightRefusedError, ...]

    @property
    def refused(self) -> int:
        return sum(isinstance(row, FlightRefusedError) for row in self.rows)


async def checked(predictor: Predictor, given: Sequence[Given], parse: Callable[[Given, ModelCard], Row]) -> Many:
    """`parse` raises `FlightRefusedError` for a row that cannot be answered."""
    model, outcomes = predictor.current
    rows: list[Row | FlightRefusedError] = []
    for index, each in enumerate(given):
        if index % ROWS_A_TURN == ROWS_A_TURN - 1:
            await asyncio.sleep(0)
        try:
            rows.append(parse(each, model.card))
        except FlightRefusedError as error:
            rows.append(error)
    return Many(model, outcomes, tuple(rows))


def scored(predictor: Predictor, many: Many, request_id: str) -> list[float]:
    """The probability of each row that was not refused. In the log of predictions a row is `<request id>.<index>`."""
    taken = [(index, row) for index, row in enumerate(many.rows) if isinstance(row, Row)]
    many.outcomes.rejected.inc(many.refused)
    if not taken:
        return []
    try:
        probabilities = many.model.score(many.model.encoder.rows([row.values for _, row in taken])).tolist()
    except Exception:
        many.outcomes.failed.inc(len(taken))
        raise
    many.outcomes.answered.inc(len(taken))
    for (index, row), probability in zip(taken, probabilities, strict=True):
        predictor.tell(f"{request_id}.{index}", many.model, row, probability)
    return [float(probability) for probability in probabilities]
