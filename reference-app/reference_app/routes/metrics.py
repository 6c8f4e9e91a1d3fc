"""`GET /metrics`: what Prometheus scrapes."""

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from reference_app.metrics import CONTENT_TYPE
from reference_app.services import Shared

router = APIRouter(tags=["operations"])


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(services: Shared) -> Response:
    return Response(services.metrics.text(), media_type=CONTENT_TYPE)
