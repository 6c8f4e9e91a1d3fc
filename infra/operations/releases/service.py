"""The controller as a service: a thread for each released service, one for what the ledger waits for.

Threads are daemons and nothing is done on SIGTERM: being ended anywhere is what the state files are for.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from infra.contracts.clock import Clock, clock_from_environment
from infra.contracts.errors import HighwayError
from infra.contracts.events import ReleaseStep
from infra.contracts.ledger import LedgerClient, LedgerUnavailableError
from infra.local.home import Home
from infra.local.split import Split, split_directory
from infra.operations.releases.controller import Controller
from infra.operations.releases.revisions import SupervisedRevisions
from infra.operations.releases.state import IntentError, StateFile, known_services, read_intent
from infra.operations.releases.status import ReleaseMetrics, serve

POLL_SECONDS = 0.25
PAUSE_AFTER_ERROR_SECONDS = 2.0
DELIVERY_SECONDS = 2.0
# How long a predecessor may take to be gone.
LOCK_SECONDS = 5.0

log = logging.getLogger(__name__)


class AnotherControllerError(HighwayError):
    """Two controllers would fight over the weights."""


def run(home: Home, ledger: LedgerClient, clock: Clock, port: int) -> None:
    """Control every release of `home`, for ever. Raises `AnotherControllerError`."""
    home.releases.mkdir(parents=True, exist_ok=True, mode=0o700)
    with only_one(home.releases):
        metrics = ReleaseMetrics(home.releases)
        serve(port, metrics)
        _in_background("ledger", lambda: deliver_for_ever(ledger))
        followed: set[str] = set()
        while True:
            for service in set(known_services(home.releases)) - followed:
                controller = Controller(
                    service=service,
                    states=StateFile.of(home.releases, service),
                    revisions=SupervisedRevisions(home),
                    traffic=Split(split_directory(home, service)),
                    record=keeping(ledger),
                    clock=clock,
                )
                _in_background(service, follower(controller, home.releases, metrics))
                followed.add(service)
            time.sleep(POLL_SECONDS)


def only_one(folder: Path) -> FileLock:
    """Hold the lock that every controller of this folder takes. Raises `AnotherControllerError`."""
    lock = FileLock(folder / ".controller.lock")
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout as error:
        raise AnotherControllerError(f"another release controller works on {folder}; end it first") from error
    return lock


def keeping(ledger: LedgerClient) -> Callable[[ReleaseStep], None]:
    def record(event: ReleaseStep) -> None:
        try:
            ledger.keep(event)
        except OSError:
            log.exception("the outbox %s cannot be written; the release goes on", ledger.outbox)

    return record


def deliver_for_ever(ledger: LedgerClient) -> None:
    """Apart from the releases, so that a slow ledger delays none."""
    while True:
        try:
            ledger.deliver()
        except (LedgerUnavailableError, OSError) as error:
            log.debug("events wait in %s: %s", ledger.outbox, error)
        time.sleep(DELIVERY_SECONDS)


def follower(controller: Controller, folder: Path, metrics: ReleaseMetrics) -> Callable[[], None]:
    """Turns without end. A failed one is logged, counted and tried again."""

    def follow() -> None:
        while True:
            try:
                follow_once(controller, folder)
                time.sleep(POLL_SECONDS)
            except Exception:
                log.exception("%s: this turn failed and is tried again", controller.service)
                metrics.errors.labels(controller.service).inc()
                time.sleep(PAUSE_AFTER_ERROR_SECONDS)

    return follow


def follow_once(controller: Controller, folder: Path) -> None:
    """One turn. An intent that cannot be read changes nothing: what was wanted before it still is."""
    try:
        intent = read_intent(folder, controller.service)
    except IntentError:
        state = controller.state
        wanted = state.candidate or state.stable
        controller.turn(wanted.release if wanted else None)
        raise
    controller.turn(intent)


def _in_background(name: str, target: Callable[[], None]) -> None:
    threading.Thread(target=target, name=name, daemon=True).start()


def main() -> None:
    """Needs `PORT` and the ledger's variables (`infra.contracts.ledger`)."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        run(Home.from_environment(), LedgerClient.from_environment(), clock_from_environment(), int(os.environ["PORT"]))
    except HighwayError as error:
        sys.exit(str(error))
