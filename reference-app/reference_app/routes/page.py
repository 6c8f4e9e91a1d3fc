"""`GET /`: the form, and with a flight in the query its risk and why. A link to a result can be shared."""

from functools import cache

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from reference_app.flight import Flight, FlightRefusedError, flight_from_form
from reference_app.page_view import PageView, options_of, result_of, typical_values, weather_of
from reference_app.services import Shared

router = APIRouter(include_in_schema=False)

HEADERS = {
    # The page needs one style sheet and its own form, so nothing else is allowed: no script at all.
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


@cache
def _template() -> Template:
    # Escaping is on for every template, and a misspelt name is an error instead of a gap in the page.
    environment = Environment(
        loader=PackageLoader("reference_app"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html")


@router.get("/")
async def page(request: Request, services: Shared) -> HTMLResponse:
    model = services.predictor.model
    given = {name: value for name, value in request.query_params.items() if name in Flight.model_fields}
    problems: dict[str, str] = {}
    result = None
    if given:
        try:
            answer = services.predictor.explain(given, flight_from_form, request_id=request.state.request_id)
            result = result_of(answer)
        except FlightRefusedError as error:
            problems = error.problems
    view = PageView(
        model=model,
        app_version=services.settings.app_version,
        values=given or typical_values(model, services.clock.now().date().isoformat()),
        options=options_of(model),
        weather=weather_of(model),
        problems=problems,
        result=result,
    )
    return HTMLResponse(_template().render(view=view), 422 if problems else 200, headers=HEADERS)
