"""`POST /predict/batch`: many flights in, the risk of each out, by one model and in their order."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json, to_json

from reference_app.body import read_body
from reference_app.features import Row, row_of
from reference_app.flight import Flight, FlightRefusedError, flight_from_object
from reference_app.many import checked, scored
from reference_app.model_card import ModelCard
from reference_app.refusals import Problem, detail_of
from reference_app.routes.predict import REFUSALS
from reference_app.services import Shared

router = APIRouter(tags=["predictions"])

FLIGHTS = "flights"
REQUEST_SCHEMA = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": [FLIGHTS],
                    "additionalProperties": False,
                    "properties": {FLIGHTS: {"type": "array", "minItems": 1, "items": Flight.model_json_schema()}},
                }
            }
        },
    }
}


class RowAnswer(BaseModel):
    probability_late: float = Field(ge=0, le=1, description="of arriving more than 15 minutes late")
    assumed: tuple[str, ...] = Field(description="features that were not given and for which a typical value stood in")


class RowRefusal(BaseModel):
    detail: tuple[Problem, ...] = Field(description="what to change in this flight, field by field")


class Batch(BaseModel):
    """`answers` are in the order of the flights; one that is refused keeps no other from its answer."""

    # Names that start with model_ are the vocabulary of this API, not pydantic's.
    model_config = ConfigDict(frozen=True, protected_namespaces=())

    answers: tuple[RowAnswer | RowRefusal, ...]
    answered: int
    refused: int
    model: str
    model_version: str
    model_digest: str
    request_id: str


@router.post("/predict/batch", openapi_extra=REQUEST_SCHEMA, response_model=Batch, responses=REFUSALS)
async def batch(request: Request, services: Shared) -> Response:
    settings, predictor = services.settings, services.predictor
    body = await read_body(request, settings, settings.max_batch_body_bytes)
    many = await checked(predictor, _flights(body, settings.max_batch_rows), _row)
    probabilities = iter(scored(predictor, many, request.state.request_id))
    answers = [
        {"detail": detail_of(row, FLIGHTS, str(index))}
        if isinstance(row, FlightRefusedError)
        else {"probability_late": next(probabilities), "assumed": row.assumed}
        for index, row in enumerate(many.rows)
    ]
    # The fields of `Batch`, which describes them.
    said = {
        "answers": answers,
        "answered": len(answers) - many.refused,
        "refused": many.refused,
        "model": many.model.card.name,
        "model_version": many.model.version,
        "model_digest": many.model.digest,
        "request_id": request.state.request_id,
    }
    return Response(to_json(said), media_type="application/json")


def _flights(body: bytes, most: int) -> Sequence[Any]:
    """Raises `FlightRefusedError` when the batch itself cannot be read."""
    try:
        given = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise FlightRefusedError({"": f"not JSON ({error}); send an object with {FLIGHTS}"}) from error
    flights = given.get(FLIGHTS) if isinstance(given, dict) and set(given) == {FLIGHTS} else None
    if not isinstance(flights, list) or not 1 <= len(flights) <= most:
        raise FlightRefusedError({FLIGHTS: f"send an object with nothing but {FLIGHTS}, a list of 1 to {most} flights"})
    return flights


def _row(fields: object, card: ModelCard) -> Row:
    return row_of(flight_from_object(fields, card), card)
