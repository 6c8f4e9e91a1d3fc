"""`POST /predict/explain`: one flight in, its risk out, and what it is made of."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from reference_app.body import read_body
from reference_app.flight import flight_from_json
from reference_app.model_card import Value
from reference_app.routes.predict import REFUSALS, REQUEST_SCHEMA, Prediction, said_of
from reference_app.services import Shared

router = APIRouter(tags=["predictions"])


class Reason(BaseModel):
    feature: str
    value: Value
    typical: Value = Field(description="what it was compared with")
    change: float = Field(
        ge=-1, le=1, description="by how much the flight's own value moves the probability away from the typical one's"
    )


class Explained(Prediction):
    typical_probability: float = Field(ge=0, le=1, description="of a flight that is typical in everything")
    reasons: tuple[Reason, ...] = Field(
        description="the largest change first; features act together, so the changes do not add up to the difference"
    )


@router.post("/predict/explain", openapi_extra=REQUEST_SCHEMA, response_model=Explained, responses=REFUSALS)
async def explain(request: Request, services: Shared) -> Response:
    body = await read_body(request, services.settings)
    answer = services.predictor.explain(body, flight_from_json, request_id=request.state.request_id)
    # The fields of `Explained`, which describes them.
    said = {**said_of(answer), "typical_probability": answer.model.typical_probability, "reasons": answer.reasons}
    return Response(to_json(said), media_type="application/json")
