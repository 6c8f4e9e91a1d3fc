"""Asking the ledger and Prometheus, all at once, so that one that hangs delays the page by one timeout only."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from infra.cockpit.lanes import DECISIVE, LaneSources
from infra.cockpit.prometheus import Monitored, PrometheusClient, PrometheusUnavailableError
from infra.cockpit.settings import CockpitSettings
from infra.contracts.clock import SystemClock
from infra.contracts.events import AnyEvent, Lane
from infra.contracts.ledger import LedgerUnavailableError


def ask(settings: CockpitSettings) -> LaneSources:
    """Never raises for a source that does not answer: the page says so instead."""

    def newest(lane: Lane) -> Sequence[AnyEvent] | LedgerUnavailableError:
        try:
            return settings.ledger.query(lane=lane, kind=DECISIVE.get(lane), limit=1)
        except LedgerUnavailableError as error:
            return error

    def newest_of_training() -> Sequence[AnyEvent]:
        try:
            return settings.ledger.query(lane=Lane.TRAINING, limit=1)
        except LedgerUnavailableError:
            return ()  # the lane itself says that the ledger does not answer

    def monitored() -> Monitored | PrometheusUnavailableError:
        try:
            return PrometheusClient(settings.prometheus_url, settings.password_file).look()
        except PrometheusUnavailableError as error:
            return error

    with ThreadPoolExecutor(max_workers=len(Lane) + 2) as pool:
        looking, hearing = pool.submit(monitored), pool.submit(newest_of_training)
        events = dict(zip(Lane, pool.map(newest, Lane), strict=True))
        heard = hearing.result()
        return LaneSources(
            events=events,
            monitored=looking.result(),
            asked_at=SystemClock().now(),
            heard_at=heard[0].recorded_at if heard else None,
        )
