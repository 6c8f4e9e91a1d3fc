"""Traces of requests for a collector that speaks OTLP over HTTP: the only module that needs OpenTelemetry's SDK.

It is imported when TRACES_ENDPOINT is set, so that nobody else pays for it. A request is a server span, in the
trace that its `traceparent` names when it has one (W3C Trace Context); scoring is a span below. Spans are sent by a
thread of its own; one that cannot be delivered is lost, and no request waits for it.

Requests that are scored together share one scoring span, in the trace of the first of them; `rows` tells.
"""

import dataclasses
import logging
import threading

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reference_app.model import Model
from reference_app.observation import QUIET_ROUTES
from reference_app.predictor import Predictor
from reference_app.scoring import FloatRows, Probabilities, Scorer
from reference_app.settings import Settings

NAME = "reference-app"
EXPORT_TIMEOUT_SECONDS = 2
CARRIER = ("traceparent", "tracestate")

logger = logging.getLogger("reference_app.tracing")


class Tracing:
    def __init__(self, endpoint: str, settings: Settings) -> None:
        """`endpoint` without a path, such as http://127.0.0.1:4318. It need not answer."""
        session = requests.Session()
        session.trust_env = False  # a collector is asked directly, whatever proxy is set
        exporter = OTLPSpanExporter(
            endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_TIMEOUT_SECONDS, session=session
        )
        self._provider = TracerProvider(
            # A caller that has decided whether to record its trace has decided for us.
            sampler=ParentBased(TraceIdRatioBased(settings.traces_ratio)),
            resource=Resource.create({SERVICE_NAME: NAME, SERVICE_VERSION: settings.app_version}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("reference_app")

    def of(self, model: Model) -> Model:
        """The same model, whose scoring can be seen in a trace."""
        return dataclasses.replace(model, scorer=_TracedScorer(model.scorer, self._tracer))

    def around(self, app: ASGIApp, predictor: Predictor) -> ASGIApp:
        return _TracedApp(app, self._tracer, predictor)

    def close(self, timeout_seconds: float) -> None:
        """Send what waits. A collector that hangs must not keep the process from its end."""
        sending = threading.Thread(target=self._provider.shutdown, name="last-traces", daemon=True)
        sending.start()
        sending.join(timeout_seconds)
        if sending.is_alive():
            logger.warning("the last traces were not sent: the collector does not answer")


class _TracedScorer:
    def __init__(self, scorer: Scorer, tracer: Tracer) -> None:
        self._scorer, self._tracer = scorer, tracer

    @property
    def path(self) -> str:
        return self._scorer.path

    def score(self, rows: FloatRows) -> Probabilities:
        with self._tracer.start_as_current_span("score", attributes={"rows": len(rows), "model.path": self.path}):
            return self._scorer.score(rows)


class _TracedApp:
    """ASGI middleware, within `Observation`, which gives the request its id and answers what fails."""

    def __init__(self, app: ASGIApp, tracer: Tracer, predictor: Predictor) -> None:
        self._app, self._tracer, self._predictor = app, tracer, predictor
        self._propagator = TraceContextTextMapPropagator()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in QUIET_ROUTES:
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        attributes = {
            "http.request.method": method,
            "request.id": scope["state"]["request_id"],
            "model.digest": self._predictor.model.digest,
        }
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        parent = self._propagator.extract({name: headers[name] for name in CARRIER if name in headers})
        with self._tracer.start_as_current_span(
            method, parent, kind=SpanKind.SERVER, attributes=attributes, set_status_on_exception=False
        ) as span:

            async def send_noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(Status(StatusCode.ERROR))
                await send(message)

            try:
                await self._app(scope, receive, send_noted)
            except Exception as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                span.set_attribute("http.response.status_code", 500)
                raise
            finally:
                # Known only after it was found; a path that a client made up is no name for a span.
                if route := getattr(scope.get("route"), "path", None):
                    span.update_name(f"{method} {route}")
                    span.set_attribute("http.route", route)
