"""`POST /predict`: one flight in, its risk out."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from reference_app.body import read_body
from reference_app.flight import Flight, flight_from_json
from reference_app.predictor import Answer
from reference_app.refusals import Refusal, Trouble
from reference_app.services import Shared

router = APIRouter(tags=["predictions"])

# The body is parsed by us, with the model's own codes, so its schema is stated here.
REQUEST_SCHEMA = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": Flight.model_json_schema()}}}
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    408: {"description": "the body took too long to arrive", "model": Trouble},
    413: {"description": "the body is too large", "model": Trouble},
    422: {"description": "what to change in the request, field by field", "model": Refusal},
    503: {
        "description": "more requests come than can be answered; Retry-After says when to ask again",
        "model": Trouble,
    },
}


class Prediction(BaseModel):
    # Names that start with model_ are the vocabulary of this API, not pydantic's.
    model_config = ConfigDict(frozen=True, protected_namespaces=())

    probability_late: float = Field(ge=0, le=1, description="of arriving more than 15 minutes late")
    assumed: tuple[str, ...] = Field(description="features that were not given and for which a typical value stood in")
    model: str
    model_version: str
    model_digest: str
    request_id: str


@router.post("/predict", openapi_extra=REQUEST_SCHEMA, response_model=Prediction, responses=REFUSALS)
async def predict(request: Request, services: Shared) -> Response:
    # Async on purpose: the work is a fraction of a millisecond, so a thread would add a switch and no speed.
    body = await read_body(request, services.settings)
    answer = await services.predictor.predict(body, flight_from_json, request_id=request.scope["state"]["request_id"])
    return Response(to_json(said_of(answer)), media_type="application/json")


def said_of(answer: Answer) -> dict[str, object]:
    """The fields of `Prediction`, which describes them; checking our own answer would take as long as making it."""
    model = answer.model
    return {
        "probability_late": answer.probability,
        "assumed": answer.row.assumed,
        "model": model.card.name,
        "model_version": model.version,
        "model_digest": model.digest,
        "request_id": answer.request_id,
    }
