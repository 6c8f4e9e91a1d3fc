"""How much the app takes on: as much as it can answer, with room left for telling the others so.

Above its capacity an app that takes everything answers nobody in time. One that refuses spends on refusals what its
answers would need, and serves less the more is asked of it. So answers are started at a rate that leaves the thread
time for refusals: at twice that rate `KEPT_RATIO` of it is still answered and the rest refused. Whoever comes early
waits, in order, which is how clients that wait for their answers are paced and never refused; when `most_waiting`
wait, the next is refused.
"""

import time
from collections import deque
from collections.abc import Callable

# Refusing a request takes this share of the time of answering one, measured with hundreds of connections. A model
# that is slower than the sample's makes it smaller, and the room larger than needed.
REFUSAL_COST_RATIO = 0.25
# What is still served at twice the rate, as the app promises. More would cost throughput when nothing is refused.
KEPT_RATIO = 0.95
# A thread that is busy for less of its time needs no pace.
BUSY_RATIO = 0.6
MEASURE_SECONDS = 0.1
# How much of the latest measurement goes into the rate. Whatever else runs on the machine can only make the thread
# look slower than it is, so a better measurement counts more than a worse one.
WEIGHT_UP, WEIGHT_DOWN = 0.5, 0.1
# After a pause the requests of this time are started at once. More would crowd each other out of the caches.
BURST_SECONDS = 0.004
# Those that wait start together, so that they are scored together; half as long costs a tenth of the throughput.
TURN_SECONDS = 0.002


class Admission:
    """For one event loop, whose thread calls it. `call_later` and the clocks are the loop's, `time.perf_counter` and
    `time.thread_time`; tests bring their own."""

    def __init__(
        self,
        most_waiting: int,
        call_later: Callable[[float, Callable[[], None]], object],
        wall: Callable[[], float] = time.perf_counter,
        busy: Callable[[], float] = time.thread_time,
    ) -> None:
        self._most_waiting, self._call_later, self._wall, self._busy = most_waiting, call_later, wall, busy
        self._waiting: deque[Callable[[], None]] = deque()
        self._rate: float | None = None  # requests a second, or as many as come
        self._allowance = 0.0  # of requests
        self._allowed_until = self._measured_at = wall()
        self._busy_at = busy()
        self._started = 0  # since the last measurement
        self.refused = self._refused_before = 0  # in all, counted by who asks `is_full`
        self.is_full = most_waiting == 0  # an attribute, so that a refusal takes no call

    def enter(self, start: Callable[[], None]) -> None:
        """`start` is called now or when it is its turn. Not to be called when it `is_full`."""
        self._waiting.append(start)
        if len(self._waiting) == 1:
            self._start_allowed()
        self.is_full = len(self._waiting) >= self._most_waiting

    def _start_allowed(self) -> None:
        self._allow()
        while self._waiting and (self._rate is None or self._allowance >= 1):
            self._started += 1
            if self._rate is not None:
                self._allowance -= 1
            self._waiting.popleft()()
        self.is_full = len(self._waiting) >= self._most_waiting
        if self._waiting:
            self._call_later(TURN_SECONDS, self._start_allowed)

    def _allow(self) -> None:
        now = self._wall()
        if now - self._measured_at >= MEASURE_SECONDS:
            self._measure(now)
        if self._rate is not None:
            gained = (now - self._allowed_until) * self._rate
            self._allowance = min(self._allowance + gained, max(1.0, self._rate * BURST_SECONDS))
        self._allowed_until = now

    def _measure(self, now: float) -> None:
        seconds, busy = now - self._measured_at, self._busy() - self._busy_at
        work = self._started + (self.refused - self._refused_before) * REFUSAL_COST_RATIO
        if busy < seconds * BUSY_RATIO or not work:
            self._rate = None
        else:
            # Of twice the rate KEPT_RATIO is answered, at a cost of 1 each, and the rest refused.
            rate = work / busy / (KEPT_RATIO + (2 - KEPT_RATIO) * REFUSAL_COST_RATIO)
            before = self._rate or rate
            self._rate = before + (WEIGHT_UP if rate > before else WEIGHT_DOWN) * (rate - before)
        self._measured_at, self._busy_at = now, self._busy_at + busy
        self._started, self._refused_before = 0, self.refused
