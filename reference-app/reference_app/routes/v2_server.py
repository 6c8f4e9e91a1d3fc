"""`GET /v2`, `/v2/health/live`, `/v2/health/ready`: the server's part of the Open Inference Protocol."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from reference_app.services import Shared

router = APIRouter(tags=["open inference protocol"])

NAME = "reference-app"
LOAD = "model_repository(load)"  # of that extension, the one request that is served here


class ServerMetadata(BaseModel):
    name: str
    version: str
    extensions: tuple[str, ...]


class Live(BaseModel):
    live: bool


class Ready(BaseModel):
    """The protocol's text names `live` here, its servers `ready`; both are given."""

    live: bool
    ready: bool


@router.get("/v2")
async def metadata(services: Shared) -> ServerMetadata:
    return ServerMetadata(
        name=NAME, version=services.settings.app_version, extensions=(LOAD,) if services.hot_swap else ()
    )


@router.get("/v2/health/live")
async def live() -> Live:
    return Live(live=True)


@router.get(
    "/v2/health/ready",
    response_model=Ready,
    responses={503: {"description": "draining: send traffic elsewhere", "model": Ready}},
)
async def ready(services: Shared) -> JSONResponse:
    is_ready = not services.lifecycle.is_draining
    return JSONResponse({"live": True, "ready": is_ready}, 200 if is_ready else 503)
