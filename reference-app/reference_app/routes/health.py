"""`GET /health`: the process answers. It says nothing of readiness, so draining does not get it killed."""

from fastapi import APIRouter

router = APIRouter(tags=["operations"])


@router.get("/health")
async def health() -> dict[str, str]:
    return {"status": "alive"}
