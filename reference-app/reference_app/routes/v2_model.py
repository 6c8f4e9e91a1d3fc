"""`GET /v2/models/{name}[/versions/{version}][/ready]`: what the model takes and gives, and whether it answers."""

from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from reference_app.model import Model
from reference_app.refusals import ErrorBody
from reference_app.services import Services, Shared
from reference_app.tensors import OUTPUT, TensorMetadata, inputs_of

router = APIRouter(tags=["open inference protocol"])


class ModelMetadata(BaseModel):
    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]


class ModelReady(BaseModel):
    name: str
    ready: bool


NOT_HERE: dict[int | str, dict[str, Any]] = {404: {"description": "no such model or version here", "model": ErrorBody}}
DRAINING: dict[int | str, dict[str, Any]] = {
    503: {"description": "draining: send traffic elsewhere", "model": ModelReady}
}


def the_model(services: Services, name: str, version: str | None) -> Model:
    """The one that is served, when that is what was asked for. Raises `HTTPException` 404."""
    model = services.predictor.model
    if name != model.card.name:
        raise HTTPException(404, f"no such model here; the one that is served is {model.card.name}")
    if version is not None and version != model.version:
        raise HTTPException(404, f"no such version of {name} here; the one that is served is {model.version}")
    return model


@router.get("/v2/models/{name}", responses=NOT_HERE)
async def metadata(services: Shared, name: str) -> ModelMetadata:
    return _metadata(services, name, None)


@router.get("/v2/models/{name}/versions/{version}", responses=NOT_HERE)
async def metadata_of_version(services: Shared, name: str, version: str) -> ModelMetadata:
    return _metadata(services, name, version)


def _metadata(services: Services, name: str, version: str | None) -> ModelMetadata:
    model = the_model(services, name, version)
    return ModelMetadata(
        name=name,
        versions=(model.version,),
        platform="onnx_onnxv1" if model.path == "onnx" else "sklearn_joblib",
        inputs=tuple(inputs_of(model.card)),
        outputs=(TensorMetadata(name=OUTPUT, datatype="FP64", shape=(-1,)),),
    )


@router.get("/v2/models/{name}/ready", response_model=ModelReady, responses={**NOT_HERE, **DRAINING})
async def ready(services: Shared, name: str) -> JSONResponse:
    return _ready(services, name, None)


@router.get("/v2/models/{name}/versions/{version}/ready", response_model=ModelReady, responses={**NOT_HERE, **DRAINING})
async def ready_of_version(services: Shared, name: str, version: str) -> JSONResponse:
    return _ready(services, name, version)


def _ready(services: Services, name: str, version: str | None) -> JSONResponse:
    the_model(services, name, version)
    is_ready = not services.lifecycle.is_draining
    return JSONResponse({"name": name, "ready": is_ready}, 200 if is_ready else 503)
