"""The app, made from its settings: nothing is read or loaded at import."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp

from infra.contracts.clock import clock_from_environment
from reference_app.description import described
from reference_app.direct import DirectRoutes
from reference_app.flight import FlightRefusedError
from reference_app.hot_swap import HotSwap
from reference_app.lifecycle import Lifecycle
from reference_app.metrics import Metrics
from reference_app.model import Model, load_model
from reference_app.observation import Observation
from reference_app.prediction_log import open_log
from reference_app.predictor import Predictor
from reference_app.refusals import failed, refused
from reference_app.request_log import RequestLog, WriteLine, write_to_stdout
from reference_app.routes import DIRECT, ROUTES
from reference_app.services import Services
from reference_app.settings import Settings

if TYPE_CHECKING:
    from reference_app.tracing import Tracing


class FlightApp(FastAPI):
    """The framework with our own layers around all of its own, so that a direct route passes none of those."""

    def openapi(self) -> dict[str, Any]:
        """Of the model that answers now, so it is made anew for whoever asks."""
        services: Services = self.state.services
        return described(super().openapi(), services.predictor.model)

    def build_middleware_stack(self) -> ASGIApp:
        services: Services = self.state.services
        framework = super().build_middleware_stack()
        # It would answer our failures in its own words before `Observation` sees them.
        assert isinstance(framework, ServerErrorMiddleware)
        inner: ASGIApp = DirectRoutes(
            framework.app, services=services, routers=DIRECT, handlers=self.exception_handlers
        )
        if self.state.tracing is not None:
            inner = self.state.tracing.around(inner, services.predictor)
        return Observation(inner, metrics=services.metrics, lifecycle=services.lifecycle, log=self.state.request_log)


def create_app(settings: Settings, write_line: WriteLine = write_to_stdout) -> FastAPI:
    """Loads the model first. Raises `ModelRefusedError`, so that an app without its model never listens.

    `write_line` takes the log line of each request."""
    tracing = _tracing(settings)

    def load(digest: str, version: str) -> Model:
        model = load_model(settings.bundles, digest, version, settings.model_cache)
        return tracing.of(model) if tracing else model

    model = load(settings.model_digest, settings.model_version)
    clock = clock_from_environment()
    metrics = Metrics()
    lifecycle = Lifecycle()
    predictor = Predictor(model, metrics)
    finishers: list[Callable[[float], None]] = []
    if settings.prediction_log is not None:
        log = open_log(settings.prediction_log, settings, clock, metrics.log_dropped.inc)
        predictor.listen(log.append)
        finishers.append(log.close)
    if tracing is not None:
        finishers.append(tracing.close)
    app = FlightApp(
        title="Flight delay",
        version=settings.app_version,
        description="The risk that a flight from New York arrives more than 15 minutes late.",
        # Their pages load scripts from elsewhere; the schema itself stays at /openapi.json.
        docs_url=None,
        redoc_url=None,
        # It looks into the environment on every request, which takes as long as a prediction.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    services = Services(
        settings=settings,
        clock=clock,
        lifecycle=lifecycle,
        metrics=metrics,
        predictor=predictor,
        hot_swap=HotSwap(settings.admin_token_file, load, predictor) if settings.admin_token_file else None,
        finishers=tuple(finishers),
    )
    app.state.services = services
    app.state.request_log = RequestLog(write_line)
    app.state.tracing = tracing
    app.add_exception_handler(FlightRefusedError, refused)
    app.add_exception_handler(HTTPException, failed)
    for router in ROUTES:
        app.include_router(router)
    return app


def _tracing(settings: Settings) -> "Tracing | None":
    if settings.traces_endpoint is None:
        return None
    from reference_app.tracing import Tracing  # noqa: PLC0415  # says itself why it comes late

    return Tracing(settings.traces_endpoint, settings)
