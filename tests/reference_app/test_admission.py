"""Admission: what is served does not fall when more is asked for, and whoever waits for answers is never refused.

The event loop is played: its clock moves by what each piece of work costs, so the figures are the same anywhere.
"""

import heapq
from collections.abc import Callable

import pytest
from reference_app.admission import Admission

ANSWER_SECONDS, REFUSAL_SECONDS = 80e-6, 20e-6  # measured: docs/app.md
MOST_WAITING = 256


class PlayedLoop:
    """Requests come at a fixed rate (`offered`) or whenever one of `clients` has its answer."""

    def __init__(self) -> None:
        self.now = 0.0
        self.busy = 0.0
        self.answered = self.refused = 0
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._ready: list[Callable[[], None]] = []
        self.admission = Admission(MOST_WAITING, self._call_later, lambda: self.now, lambda: self.busy)

    def _call_later(self, seconds: float, turn: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (self.now + seconds, len(self._timers), turn))

    def _work(self, seconds: float) -> None:
        self.now += seconds
        self.busy += seconds

    def _request(self, answered: Callable[[], None]) -> None:
        if self.admission.is_full:
            self._work(REFUSAL_SECONDS)
            self.admission.refused += 1
            self.refused += 1
            return

        def answer() -> None:
            self._work(ANSWER_SECONDS)
            self.answered += 1
            answered()

        self.admission.enter(lambda: self._ready.append(answer))

    def _turn(self) -> bool:
        """As a loop does: the timers that are due, then what was ready before. False when there was nothing."""
        due = []
        while self._timers and self._timers[0][0] <= self.now:
            due.append(heapq.heappop(self._timers)[2])
        ready, self._ready = self._ready, []
        for each in [*due, *ready]:
            each()
        return bool(due or ready)

    def _idle(self, until: float) -> None:
        self.now = max(self.now, min([until, *(at for at, _, _ in self._timers[:1])]))

    def open(self, offered: float, seconds: float) -> float:
        """Answers a second, of `offered` requests a second."""
        start, before, number = self.now, self.answered, 0
        while self.now < start + seconds:
            while start + number / offered <= self.now:
                number += 1
                self._request(lambda: None)
            if not self._turn():
                self._idle(start + number / offered)
        return (self.answered - before) / (self.now - start)

    def closed(self, clients: int, seconds: float) -> float:
        start, before = self.now, self.answered
        wanting = [clients]
        while self.now < start + seconds:
            for _ in range(wanting.pop() if wanting else 0):
                self._request(lambda: wanting.append(1))
            if not self._turn():
                self._idle(start + seconds)
        return (self.answered - before) / (self.now - start)


def open_loop(offered: float) -> tuple[float, int]:
    """What is served of it once the pace is found, and how many were refused."""
    loop = PlayedLoop()
    loop.open(offered, 1)
    return loop.open(offered, 1), loop.refused


@pytest.fixture(scope="module")
def peak() -> float:
    return max(open_loop(share / ANSWER_SECONDS)[0] for share in (0.8, 0.87, 0.9, 0.95, 1.05))


@pytest.mark.parametrize("times", [1.5, 2.0])
def test_what_is_served_does_not_fall_with_what_is_asked_for(peak: float, times: float):
    assert peak >= 0.8 / ANSWER_SECONDS, "the room for refusals is not larger than it must be"
    served, refused = open_loop(times * peak)
    assert refused > 0
    assert served >= 0.95 * peak


@pytest.mark.parametrize("clients", [1, 16, 200])
def test_clients_that_wait_for_their_answers_are_paced_and_not_refused(peak: float, clients: int):
    loop = PlayedLoop()
    served = loop.closed(clients, 2)
    assert loop.refused == 0
    assert served >= 0.8 / ANSWER_SECONDS
    assert served <= peak * 1.05, "they are not given what refusing would need"


def test_a_little_work_is_started_at_once():
    loop = PlayedLoop()
    started = []
    for _ in range(MOST_WAITING):
        loop.admission.enter(lambda: started.append(1))
    assert len(started) == MOST_WAITING
    assert not loop.admission.is_full
