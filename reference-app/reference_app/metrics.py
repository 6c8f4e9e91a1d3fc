"""What the app counts. Every label has values that we give it, so no request can add a series."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from infra.contracts.names import (
    HTTP_REQUESTS_TOTAL,
    MODEL_INFO,
    MODEL_PATH,
    PREDICTION_LOG_DROPPED_TOTAL,
    PREDICTION_SECONDS,
    PREDICTIONS_TOTAL,
    REQUESTS_REFUSED_TOTAL,
)
from reference_app.model import Model

# The latency objective (slos/reference-app-latency.yaml) must be one of the bounds, or it cannot be counted.
BOUNDS_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
METHODS = frozenset({"GET", "POST", "HEAD"})
UNKNOWN = "other"


@dataclass(frozen=True)
class Outcomes:
    """Predictions of one version of the model; made at once, since a rate needs the zero before the first failure."""

    answered: Counter
    rejected: Counter
    failed: Counter


@dataclass(frozen=True)
class _Refusals(Collector):
    count: Callable[[], int]

    def collect(self) -> Iterator[Metric]:
        counter = CounterMetricFamily(
            REQUESTS_REFUSED_TOTAL, "Requests refused because more came than can be answered.", labels=["reason"]
        )
        counter.add_metric(["overload"], self.count())
        yield counter


class Metrics:
    """One registry an app, so that two apps in one process do not count for each other."""

    def __init__(self) -> None:
        # Otherwise each counter has a second series, of its start, which nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the only function there without types
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._model = Gauge(
            MODEL_INFO, "The model that is served.", ["model", "version", "digest"], registry=self.registry
        )
        self._path = Gauge(
            MODEL_PATH, "How the model that is served is computed.", ["path", "origin"], registry=self.registry
        )
        self._predictions = Counter(
            PREDICTIONS_TOTAL,
            "Predictions that were answered, refused because of the request, or failed because of us.",
            ["outcome", "model_version"],
            registry=self.registry,
        )
        self.prediction_seconds = Histogram(
            PREDICTION_SECONDS,
            "Time to answer a valid request; failures are not in it.",
            buckets=BOUNDS_SECONDS,
            registry=self.registry,
        )
        self.log_dropped = Counter(
            PREDICTION_LOG_DROPPED_TOTAL, "Predictions that were answered but not written down.", registry=self.registry
        )
        self._requests = Counter(
            HTTP_REQUESTS_TOTAL, "Requests answered.", ["route", "method", "status"], registry=self.registry
        )
        # Kept here, since finding a series by its labels costs more than counting.
        self._series: dict[tuple[str, str, str], Counter] = {}

    def count_refused(self, refused: Callable[[], int]) -> None:
        """`refused` is asked at each scrape, because a refusal has no time for more than adding one."""
        self.registry.register(_Refusals(refused))

    def serving(self, model: Model) -> Outcomes:
        """Says which model answers from now on; the counts of the ones before stay."""
        self._model.clear()
        self._model.labels(model.card.name, model.version, model.digest).set(1)
        self._path.clear()
        self._path.labels(model.path, model.origin).set(1)
        return Outcomes(*(self._predictions.labels(outcome, model.version) for outcome in ("ok", "rejected", "failed")))

    def request_ended(self, route: str | None, method: str, status: int) -> None:
        """`route` is a path of the route table, never one that a client made up; None counts as other."""
        key = (route or UNKNOWN, method if method in METHODS else UNKNOWN, str(status))
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = self._requests.labels(*key)
        series.inc()

    def text(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)
