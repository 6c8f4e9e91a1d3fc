"""The cockpit's pages. They show, and change nothing; so they are open on loopback, while the services behind
them keep asking for their passwords. Nothing that the page shows is secret."""

from pathlib import Path

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, ProcessCollector, generate_latest
from starlette.middleware.base import RequestResponseEndpoint

from infra.cockpit.lanes import LaneView, State, draw
from infra.cockpit.settings import CockpitSettings
from infra.cockpit.sources import ask
from infra.cockpit.wording import ago, exact
from infra.contracts.clock import Clock, SystemClock

FOLDER = Path(__file__).parent
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def create_app(settings: CockpitSettings, clock: Clock | None = None) -> FastAPI:
    wall = clock or SystemClock()
    templates = Jinja2Templates(FOLDER / "templates")
    templates.env.filters["exact"] = exact
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    shown = Gauge("cockpit_lane_state", "1 for the state that each lane was last seen in.", ["lane", "state"],
                  registry=registry)  # fmt: skip
    app = FastAPI(title="Cockpit", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=FOLDER / "static"))

    @app.middleware("http")
    async def guard(request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        response.headers.update(HEADERS)
        return response

    def lanes() -> list[LaneView]:
        views = draw(ask(settings), settings)
        for view in views:
            for state in State:
                shown.labels(view.lane.value, state.value).set(float(view.state is state))
        return views

    @app.get("/", response_class=HTMLResponse)
    def page(request: Request) -> Response:
        now = wall.now()
        return templates.TemplateResponse(
            request, "lanes.html", {"lanes": lanes(), "now": now, "ago": lambda moment: ago(moment, now)}
        )

    @app.get("/api/lanes")
    def api() -> list[LaneView]:
        return lanes()

    @app.get("/runbooks/{path:path}", response_class=HTMLResponse)
    def runbook(request: Request, path: str) -> Response:
        """Where the alerts' links lead."""
        file = _runbook(settings.runbooks.resolve(), path)
        if file is None:
            raise HTTPException(404, f"there is no runbook {path!r}")
        return templates.TemplateResponse(request, "runbook.html", {"name": file.stem, "text": file.read_text()})

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return app


def _runbook(folder: Path, path: str) -> Path | None:
    """A runbook below `folder`; None for anything else, whatever was made up as its name."""
    try:
        file = (folder / path).resolve()
        return file if file.is_relative_to(folder) and file.suffix == ".md" and file.is_file() else None
    except (ValueError, OSError):  # a NUL in it, or longer than the file system takes
        return None
