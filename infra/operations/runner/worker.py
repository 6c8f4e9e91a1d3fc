"""Takes the pushes one by one, in the order in which they came."""

import logging
import threading
import time
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import Counter, Gauge

from infra.contracts.events import CheckRun, IntegrationRun
from infra.contracts.names import CI_PUSHES_WAITING, CI_RUN_SECONDS_TOTAL, CI_RUNS_TOTAL
from infra.operations.runner.evidence import Evidence
from infra.operations.runner.spool import Push, Spool
from infra.operations.runner.workflow import StoppedError, Verdict, Workflow

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
# A run that ends its runner each time (out of memory, say) must not do so for ever.
TAKES = 3

RUNS = Counter(CI_RUNS_TOTAL.removesuffix("_total"), "Runs of a pushed commit", ["outcome"])
RUN_SECONDS = Counter(CI_RUN_SECONDS_TOTAL.removesuffix("_total"), "Time that runs took")
WAITING = Gauge(CI_PUSHES_WAITING, "Pushes that wait for their run or are in it")


class Ledger(Protocol):
    """What the worker needs of `infra.contracts.ledger.LedgerClient`: it keeps what it cannot deliver."""

    def record(self, event: IntegrationRun | CheckRun) -> bool: ...


@dataclass(frozen=True)
class Worker:
    spool: Spool
    workflow: Workflow
    evidence: Evidence
    ledger: Ledger
    stop: threading.Event

    def run_until_stopped(self) -> None:
        while not self.stop.is_set():
            try:
                self.run_waiting()
            except Exception:
                # A full disk, most likely: the push stays in the spool, and what it causes is bounded by TAKES.
                logger.exception("cannot go on now; trying again")
            self.stop.wait(POLL_SECONDS)

    def run_waiting(self) -> None:
        """Run what waits, and what came in the meantime."""
        while not self.stop.is_set() and (waiting := self.spool.waiting()):
            WAITING.set(len(waiting))
            self._run(waiting[0])
        WAITING.set(len(self.spool.waiting()))

    def _run(self, push: Push) -> None:
        outcome = self.spool.finished(push)
        if outcome is None:
            try:
                outcome = self._outcome(push)
            except StoppedError:
                self.spool.give_back(push)
                logger.info("%s: stopped, to be run again", push.id)
                return
            self.spool.finish(push, outcome)
            RUNS.labels(outcome.outcome.value).inc()
            RUN_SECONDS.inc(outcome.duration_seconds or 0)
        self.ledger.record(outcome)
        self.spool.remove(push)
        logger.info("%s", outcome.summary)

    def _outcome(self, push: Push) -> IntegrationRun:
        log = self.workflow.log(push)
        begun = time.monotonic()
        if self.spool.take(push) > TAKES:
            verdict = Verdict(False, f"ended the runner {TAKES} times and is not run again; see its log")
        else:
            self.ledger.record(self.evidence.started(push, log))
            verdict = self.workflow.run(push)
            for check in verdict.checks:
                self.ledger.record(check)
        return self.evidence.finished(push, log, verdict, time.monotonic() - begun)
