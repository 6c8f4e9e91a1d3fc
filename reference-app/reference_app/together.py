"""Rows that are asked for in the same turn of the event loop are scored in one call.

A call costs far more than one more row in it, so a prediction gets cheaper the more of them are wanted at once. A
lone request waits for one more turn of the loop, some microseconds.
"""

import asyncio
from collections.abc import Mapping
from itertools import groupby
from typing import NamedTuple

from reference_app.model import Model
from reference_app.model_card import Value


class _Asked(NamedTuple):
    model: Model
    values: Mapping[str, Value]
    answer: asyncio.Future[float]


class Together:
    def __init__(self) -> None:
        self._asked: list[_Asked] = []

    def score(self, model: Model, values: Mapping[str, Value]) -> asyncio.Future[float]:
        """The probability of being late, or what scoring raises."""
        loop = asyncio.get_running_loop()
        if not self._asked:
            loop.call_soon(self._score_all)
        answer: asyncio.Future[float] = loop.create_future()
        self._asked.append(_Asked(model, values, answer))
        return answer

    def _score_all(self) -> None:
        asked, self._asked = self._asked, []
        # There are two models when they were swapped within this turn.
        for _, each in groupby(asked, key=lambda one: id(one.model)):
            _score(list(each))


def _score(asked: list[_Asked]) -> None:
    model = asked[0].model
    try:
        probabilities = model.score(model.encoder.rows([one.values for one in asked])).tolist()
    # Whatever it is, each of those who wait for it has to be told.
    except Exception as error:
        for one in asked:
            if not one.answer.done():
                one.answer.set_exception(error)
        return
    for one, probability in zip(asked, probabilities, strict=True):
        if not one.answer.done():  # a client that left waits no longer
            one.answer.set_result(probability)
