"""`POST /v2/repository/models/{name}/load`: another version of the model, by its digest, without a request lost.

The load request of Triton's model repository extension (docs/protocol/extension_model_repository.md there), for
operators: it is there when ADMIN_TOKEN_FILE is set, and asks for the token in that file.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from reference_app.body import read_body
from reference_app.description import request_body
from reference_app.hot_swap import HotSwap, SwapConflictError
from reference_app.model import ModelRefusedError
from reference_app.refusals import ErrorBody
from reference_app.routes.v2_model import NOT_HERE, the_model
from reference_app.services import Shared

router = APIRouter(tags=["operations"])

TOKEN = HTTPBearer(auto_error=False, description="the token in the file of ADMIN_TOKEN_FILE")


class Which(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")] = Field(
        description="the model bundle's digest, sha256: and 64 lower-case hex digits"
    )
    version: str = Field(min_length=1, max_length=64, description="its version in the registry")


class LoadRequest(BaseModel):
    parameters: Which


class Loaded(BaseModel):
    """What is served from now on."""

    name: str
    version: str
    digest: str
    origin: str


RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "what to change in the request", "model": ErrorBody},
    401: {"description": "no token was given", "model": ErrorBody},
    403: {"description": "the token is not the right one", "model": ErrorBody},
    **NOT_HERE,
    408: {"description": "the body took too long to arrive", "model": ErrorBody},
    409: {"description": "another model is being loaded, or the bundle is of another model", "model": ErrorBody},
    413: {"description": "the body is too large", "model": ErrorBody},
    422: {"description": "the bundle cannot be served; the present model still is", "model": ErrorBody},
}


def _allowed(services: Shared, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(TOKEN)]) -> HotSwap:
    swap = services.hot_swap
    if swap is None:
        raise HTTPException(404, "models are not loaded on request here; set ADMIN_TOKEN_FILE to allow it")
    if credentials is None:
        raise HTTPException(401, "send the operator's token as a bearer token", {"WWW-Authenticate": "Bearer"})
    if not swap.allows(credentials.credentials):
        raise HTTPException(403, "this token may not load models; send the one in ADMIN_TOKEN_FILE")
    return swap


@router.post("/v2/repository/models/{name}/load", openapi_extra=request_body(LoadRequest), responses=RESPONSES)
async def load(request: Request, services: Shared, name: str, swap: Annotated[HotSwap, Depends(_allowed)]) -> Loaded:
    the_model(services, name, None)
    body = await read_body(request, services.settings)
    try:
        which = LoadRequest.model_validate_json(body, strict=True).parameters
        model = await swap.load(which.digest, which.version)
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in error.errors())
        raise HTTPException(400, f"{said}; send parameters with digest and version") from error
    except SwapConflictError as error:
        raise HTTPException(409, str(error)) from error
    except ModelRefusedError as error:
        raise HTTPException(422, str(error)) from error
    return Loaded(name=model.card.name, version=model.version, digest=model.digest, origin=model.origin)
