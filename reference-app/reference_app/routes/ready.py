"""`GET /ready`: may traffic be sent here? The model is loaded before the app listens, so only draining says no."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from reference_app.services import Shared

router = APIRouter(tags=["operations"])


@router.get("/ready", responses={503: {"description": "draining: send traffic elsewhere"}})
async def ready(services: Shared) -> JSONResponse:
    model = services.predictor.model
    said = {
        "model": model.card.name,
        "model_version": model.version,
        "model_digest": model.digest,
        "path": model.path,
        "origin": model.origin,
    }
    if services.lifecycle.is_draining:
        return JSONResponse({"status": "draining", **said}, 503)
    return JSONResponse({"status": "ready", **said, "app_version": services.settings.app_version})
