"""What the app counts. Every label has values that are known at start, so no request can add a series."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from infra.contracts.names import HTTP_REQUESTS_TOTAL, MODEL_INFO, PREDICTION_SECONDS, PREDICTIONS_TOTAL
from reference_app.model import Model

# The latency objective (slos/reference-app-latency.yaml) must be one of the bounds, or it cannot be counted.
BOUNDS_SECONDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
METHODS = frozenset({"GET", "POST", "HEAD"})
UNKNOWN = "other"


class Metrics:
    """One registry an app, so that two apps in one process do not count for each other."""

    def __init__(self, model: Model) -> None:
        # Otherwise each counter has a second series, of its start, which nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the only function there without types
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        info = Gauge(MODEL_INFO, "The model that is served.", ["model", "version", "digest"], registry=self._registry)
        info.labels(model.card.name, model.version, model.digest).set(1)
        predictions = Counter(
            PREDICTIONS_TOTAL,
            "Predictions that were answered, refused because of the request, or failed because of us.",
            ["outcome", "model_version"],
            registry=self._registry,
        )
        # Made at once: a rate needs the zero before the first failure.
        self.answered = predictions.labels("ok", model.version)
        self.rejected = predictions.labels("rejected", model.version)
        self.failed = predictions.labels("failed", model.version)
        self.prediction_seconds = Histogram(
            PREDICTION_SECONDS,
            "Time to answer a valid request; failures are not in it.",
            buckets=BOUNDS_SECONDS,
            registry=self._registry,
        )
        self._requests = Counter(
            HTTP_REQUESTS_TOTAL, "Requests answered.", ["route", "method", "status"], registry=self._registry
        )

    def request_ended(self, route: str | None, method: str, status: int) -> None:
        """`route` is a path of the route table, never one that a client made up; None counts as other."""
        known_method = method if method in METHODS else UNKNOWN
        self._requests.labels(route or UNKNOWN, known_method, str(status)).inc()

    def text(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self._registry)
