"""The ledger's HTTP interface. Reading and writing need the bearer token; health and metrics are open."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from infra.contracts.clock import Clock, SystemClock
from infra.contracts.events import EVENT, EVENTS, AnyEvent, Lane
from infra.operations.ledger.alertmanager import Notification
from infra.operations.ledger.database import open_database
from infra.operations.ledger.exporter import LedgerCollector
from infra.operations.ledger.settings import LedgerSettings
from infra.operations.ledger.store import EventStore
from infra.operations.secret_files import matches, read_secret

KINDS = tuple(EVENT.json_schema()["discriminator"]["mapping"])
BEARER = HTTPBearer(auto_error=False)


def create_app(settings: LedgerSettings, clock: Clock | None = None) -> FastAPI:
    """Opens and migrates the database. `clock` dates what Alertmanager tells us, which carries no such time."""
    store = EventStore(open_database(settings.database))
    read_secret(settings.token_file)  # a ledger without a token refuses to start
    wall = clock or SystemClock()
    registry = CollectorRegistry()
    registry.register(LedgerCollector(store))
    ProcessCollector(registry=registry)
    app = FastAPI(title="Ledger", docs_url=None, redoc_url=None, openapi_url=None)

    def authorised(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]) -> None:
        if credentials is None or not matches(credentials.credentials, read_secret(settings.token_file)):
            raise HTTPException(
                401,
                f"present the ledger's token: Authorization: Bearer <content of {settings.token_file.name}>",
                headers={"WWW-Authenticate": "Bearer"},
            )

    @app.exception_handler(DBAPIError)
    async def unavailable(_: Request, error: Exception) -> JSONResponse:
        cause = error.orig if isinstance(error, DBAPIError) else error
        return JSONResponse({"detail": f"the ledger's database does not serve: {cause}"}, status_code=503)

    @app.post("/events", dependencies=[Depends(authorised)])
    async def post_events(request: Request) -> dict[str, int]:
        """A JSON array of events; all are recorded or none. Sending an event again changes nothing."""
        try:
            events = EVENTS.validate_json(await request.body())
        except ValidationError as error:
            raise _unprocessable(error) from error
        return await run_in_threadpool(record, events)

    @app.post("/alerts", dependencies=[Depends(authorised)])
    async def post_alerts(request: Request) -> dict[str, int]:
        """Alertmanager's webhook."""
        try:
            notification = Notification.model_validate_json(await request.body())
        except ValidationError as error:
            raise _unprocessable(error) from error
        return await run_in_threadpool(record, notification.changes(wall.now()))

    def record(events: Sequence[AnyEvent]) -> dict[str, int]:
        recorded = store.append(events)
        return {"recorded": recorded, "known_before": len(events) - recorded}

    @app.get("/events", dependencies=[Depends(authorised)])
    def get_events(
        kind: str | None = None,
        subject: str | None = None,
        lane: Lane | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        """The newest events first."""
        if kind is not None and kind not in KINDS:
            raise HTTPException(422, f"kind {kind!r}: use one of {', '.join(KINDS)}")
        found = store.query(kind=kind, subject=subject, lane=lane, limit=limit)
        return Response(EVENTS.dump_json(found), media_type="application/json")

    @app.get("/health")
    def health() -> dict[str, str]:
        store.check()
        return {"status": "ok"}

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return app


def _unprocessable(error: ValidationError) -> HTTPException:
    """Where and why, without repeating what was sent."""
    problems = [
        f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    return HTTPException(422, problems)
