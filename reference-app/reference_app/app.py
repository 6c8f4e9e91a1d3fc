"""The app, made from its settings: nothing is read or loaded at import."""

from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from infra.contracts.clock import clock_from_environment
from reference_app.flight import FlightRefusedError
from reference_app.lifecycle import Lifecycle
from reference_app.metrics import Metrics
from reference_app.model import load_model
from reference_app.observation import Observation
from reference_app.prediction_log import open_log
from reference_app.predictor import Predictor
from reference_app.routes import ROUTES
from reference_app.services import Services
from reference_app.settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """Loads the model first. Raises `ModelRefusedError`, so that an app without its model never listens."""
    model = load_model(settings.bundles, settings.model_digest, settings.model_version)
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
    )
    app.state.services = Services(
        settings=settings,
        clock=clock,
        lifecycle=lifecycle,
        metrics=metrics,
        predictor=predictor,
        finishers=tuple(finishers),
    )
    app.add_middleware(Observation, metrics=metrics, lifecycle=lifecycle)
    app.add_exception_handler(FlightRefusedError, _refused)
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
