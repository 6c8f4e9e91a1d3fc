"""`POST /v2/models/{name}[/versions/{version}]/infer`: tensors in, the risk of each row out."""

from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import ValidationError
from pydantic_core import to_json

from reference_app.body import read_body
from reference_app.description import request_body
from reference_app.feature_values import row_of_values
from reference_app.flight import FlightRefusedError
from reference_app.many import Many, checked, scored
from reference_app.refusals import ErrorBody
from reference_app.routes.v2_model import NOT_HERE, the_model
from reference_app.services import Services, Shared
from reference_app.tensors import OUTPUT, InferenceRequest, InferenceResponse, TensorError, rows_of

router = APIRouter(tags=["open inference protocol"])

RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "what to change in the request", "model": ErrorBody},
    **NOT_HERE,
    408: {"description": "the body took too long to arrive", "model": ErrorBody},
    413: {"description": "the body is too large", "model": ErrorBody},
    503: {"description": "more requests come than can be answered; Retry-After says when", "model": ErrorBody},
}
MOST_PROBLEMS = 5  # of a long batch, the first say enough


DECLARED: dict[str, Any] = {
    "openapi_extra": request_body(InferenceRequest),
    "response_model": InferenceResponse,
    "responses": RESPONSES,
}


@router.post("/v2/models/{name}/infer", **DECLARED)
async def infer(request: Request, services: Shared, name: str) -> Response:
    return await _infer(request, services, name, None)


@router.post("/v2/models/{name}/versions/{version}/infer", **DECLARED)
async def infer_by_version(request: Request, services: Shared, name: str, version: str) -> Response:
    return await _infer(request, services, name, version)


async def _infer(request: Request, services: Services, name: str, version: str | None) -> Response:
    settings, predictor = services.settings, services.predictor
    body = await read_body(request, settings, settings.max_batch_body_bytes)
    model = the_model(services, name, version)
    try:
        asked = InferenceRequest.model_validate_json(body)
        values = rows_of(asked, model.card, settings.max_batch_rows)
    except ValidationError as error:
        raise HTTPException(400, _in_words(error)) from error
    except TensorError as error:
        raise HTTPException(400, str(error)) from error
    # Nothing is awaited since the model was looked at, so it is the one that is checked against.
    many = await checked(predictor, values, row_of_values)
    if many.refused:
        many.outcomes.rejected.inc(many.refused)
        raise HTTPException(400, _refusal(many))
    probabilities = scored(predictor, many, request.state.request_id)
    # The fields of `InferenceResponse`, which describes them.
    said = {
        "model_name": many.model.card.name,
        "model_version": many.model.version,
        "id": request.state.request_id if asked.id is None else asked.id,
        "parameters": {"model_digest": many.model.digest, "assumed": ",".join(_assumed(many))},
        "outputs": [{"name": OUTPUT, "shape": [len(probabilities)], "datatype": "FP64", "data": probabilities}],
    }
    return Response(to_json(said), media_type="application/json")


def _assumed(many: Many) -> list[str]:
    """What was typical in any of the rows, in the order of the model's inputs."""
    somewhere = {name for row in many.rows if not isinstance(row, FlightRefusedError) for name in row.assumed}
    return [name for name in many.model.card.features if name in somewhere]


def _refusal(many: Many) -> str:
    """The protocol has one answer for all rows, so none is answered when one cannot be."""
    refused = [(index, row) for index, row in enumerate(many.rows) if isinstance(row, FlightRefusedError)]
    said = "; ".join(f"row {index}: {row}" for index, row in refused[:MOST_PROBLEMS])
    return said if len(refused) <= MOST_PROBLEMS else f"{said}; and {len(refused) - MOST_PROBLEMS} rows more"


def _in_words(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    said = "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}" for problem in problems[:MOST_PROBLEMS]
    )
    return said if len(problems) <= MOST_PROBLEMS else f"{said}; and {len(problems) - MOST_PROBLEMS} problems more"
