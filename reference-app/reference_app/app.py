"""The app, made from its settings: nothing is read or loaded at import."""

from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from infra.contracts.clock import clock_from_environment
from reference_app.direct import DirectRoutes
from reference_app.flight import FlightRefusedError
from reference_app.lifecycle import Lifecycle
from reference_app.metrics import Metrics
from reference_app.model import load_model
from reference_app.observation import Observation
from reference_app.prediction_log import open_log
from reference_app.predictor import Predictor
from reference_app.request_log import RequestLog, WriteLine, write_to_stdout
from reference_app.routes import DIRECT, ROUTES
from reference_app.services import Services
from reference_app.settings import Settings


def create_app(settings: Settings, write_line: WriteLine = write_to_stdout) -> FastAPI:
    """Loads the model first. Raises `ModelRefusedError`, so that an app without its model never listens.

    `write_line` takes the log line of each request."""
    model = load_model(settings.bundles, settings.model_digest, settings.model_version, settings.model_cache)
    clock = clock_from_environment()
    metrics = Metrics()
    lifecycle = Lifecycle()
    predictor = Predictor(model, metrics)
    finishers: list[Callable[[float], None]] = []
    if settings.prediction_log is not None:
        log = open_log(settings.prediction_log, settings, clock, metrics.log_dropped.inc)
        predictor.listen(log.append)
        finishers.append(log.close)
    app = FastAPI(
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
        finishers=tuple(finishers),
    )
    app.state.services = services
    app.add_exception_handler(FlightRefusedError, _refused)
    # The one that is added last is the outermost.
    app.add_middleware(DirectRoutes, services=services, routers=DIRECT, handlers=app.exception_handlers)
    app.add_middleware(Observation, metrics=metrics, lifecycle=lifecycle, log=RequestLog(write_line))
    for router in ROUTES:
        app.include_router(router)
    return app


async def _refused(request: Request, error: Exception) -> JSONResponse:
    """422 with every problem; the shape is FastAPI's own, which clients already read."""
    assert isinstance(error, FlightRefusedError)
    detail = [
        {"loc": ["body", *field.split(".")] if field else ["body"], "msg": problem, "type": "value_error"}
        for field, problem in error.problems.items()
    ]
    return JSONResponse({"detail": detail, "request_id": request.state.request_id}, 422)
