"""`GET /metrics`: what Prometheus scrapes."""

from fastapi import APIRouter, Response

from reference_app.metrics import CONTENT_TYPE
from reference_app.services import Shared

router = APIRouter(tags=["operations"])


@router.get("/metrics")
async def metrics(services: Shared) -> Response:
    return Response(services.metrics.text(), media_type=CONTENT_TYPE)
