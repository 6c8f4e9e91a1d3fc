"""The ledger's facts as Prometheus metrics: jobs are too short to be scraped, the ledger is not."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from infra.contracts.events import Outcome
from infra.contracts.names import CHECK_PASSED, JOB_LAST_FAILURE, JOB_LAST_SUCCESS, LEDGER_EVENTS_TOTAL
from infra.operations.ledger.store import EventStore


class LedgerCollector(Collector):
    """Asks the store at each scrape, so that several replicas over one database agree."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def describe(self) -> list[Metric]:
        """Nothing: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        events = CounterMetricFamily(LEDGER_EVENTS_TOTAL, "Events that the ledger holds.", labels=["kind", "outcome"])
        for (kind, outcome), count in sorted(self._store.counts().items()):
            events.add_metric([kind, outcome], count)
        yield events
        succeeded = GaugeMetricFamily(
            JOB_LAST_SUCCESS, "When a pipeline's step last passed, as it was recorded.", labels=["pipeline", "step"]
        )
        failed = GaugeMetricFamily(
            JOB_LAST_FAILURE, "When a pipeline's step last failed, as it was recorded.", labels=["pipeline", "step"]
        )
        for end in self._store.job_ends():
            family = succeeded if end.outcome is Outcome.PASSED else failed
            family.add_metric([end.pipeline, end.step], end.recorded_at.timestamp())
        yield succeeded
        yield failed
        passed = GaugeMetricFamily(
            CHECK_PASSED, "Whether a check passed when it was last made.", labels=["subject", "suite", "check"]
        )
        for verdict in self._store.verdicts():
            passed.add_metric([verdict.subject, verdict.suite, verdict.check], verdict.is_passed)
        yield passed
