"""What a refused request is told: FastAPI's own shape, which clients already read, and the protocol's below /v2."""

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from reference_app.flight import FlightRefusedError

PROTOCOL = "/v2"


class Problem(BaseModel):
    loc: tuple[str, ...] = Field(description="where in the request, from body down to the field")
    msg: str = Field(description="what to change")
    type: str


class Refusal(BaseModel):
    """A request that can be read but not answered."""

    detail: tuple[Problem, ...]
    request_id: str


class Trouble(BaseModel):
    """Any other error."""

    detail: str


class ErrorBody(BaseModel):
    """Every error of the Open Inference Protocol."""

    error: str


def detail_of(error: FlightRefusedError, *place: str) -> list[dict[str, object]]:
    """Each problem as a `Problem`; `place` is where in the body the flight is."""
    return [
        {"loc": ["body", *place, *(field.split(".") if field else ())], "msg": problem, "type": "value_error"}
        for field, problem in error.problems.items()
    ]


def trouble_at(path: str, text: str) -> dict[str, str]:
    """The body of an error of the route at `path`."""
    return {"error" if path == PROTOCOL or path.startswith(f"{PROTOCOL}/") else "detail": text}


async def refused(request: Request, error: Exception) -> JSONResponse:
    """422 with every problem."""
    assert isinstance(error, FlightRefusedError)
    return JSONResponse({"detail": detail_of(error), "request_id": request.state.request_id}, 422)


async def failed(request: Request, error: Exception) -> JSONResponse:
    """Whatever else has a status of its own, unknown paths and methods too."""
    assert isinstance(error, HTTPException)
    body = trouble_at(request.url.path, str(error.detail))
    return JSONResponse(body, error.status_code, headers=error.headers)
