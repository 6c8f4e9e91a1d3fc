"""The runner as a service: the worker in a thread, its health and metrics over HTTP."""

import logging
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI, Response
from filelock import FileLock, Timeout
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from infra.contracts.clock import clock_from_environment
from infra.contracts.errors import HighwayError
from infra.contracts.ledger import LedgerClient
from infra.local.home import Home
from infra.operations.runner.evidence import Evidence
from infra.operations.runner.repository import Repository
from infra.operations.runner.spool import Spool
from infra.operations.runner.worker import Worker
from infra.operations.runner.workflow import Workflow

TIMEOUT_VARIABLE = "HIGHWAY_CI_TIMEOUT_SECONDS"
DEFAULT_TIMEOUT_SECONDS = 1800.0
# A predecessor that was told to stop may still be ending its run.
LOCK_SECONDS = 10
STOP_SECONDS = 20


class RunnerTakenError(HighwayError):
    """Another runner works for the same highway."""


@dataclass(frozen=True)
class Settings:
    home: Home
    ledger: LedgerClient
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS

    @classmethod
    def from_environment(cls) -> "Settings":
        """Raises `KeyError` for a missing variable of the ledger, `ValueError` for a timeout that is no number."""
        timeout = float(os.environ.get(TIMEOUT_VARIABLE, DEFAULT_TIMEOUT_SECONDS))
        return cls(Home.from_environment(), LedgerClient.from_environment(), timeout)


def create_app(settings: Settings) -> FastAPI:
    """Makes the repo at once, so that a push works as soon as the app exists."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    repository = Repository(settings.home)
    repository.ensure()
    stop = threading.Event()
    worker = Worker(
        spool=Spool(repository.spool),
        workflow=Workflow(settings.home, repository, settings.timeout_seconds, stop),
        evidence=Evidence(clock_from_environment()),
        ledger=settings.ledger,
        stop=stop,
    )
    thread = threading.Thread(target=worker.run_until_stopped, name="runner", daemon=True)
    lock = FileLock(repository.spool.parent / "lock", timeout=LOCK_SECONDS)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            lock.acquire()
        except Timeout as error:
            raise RunnerTakenError(f"another runner works for {settings.home.root}; stop it first") from error
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(STOP_SECONDS)
            lock.release()

    app = FastAPI(title="Runner", lifespan=lifespan, openapi_url=None)

    @app.get("/health")
    def health() -> Response:
        return Response("running\n", 200) if thread.is_alive() else Response("the worker has ended\n", 503)

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app
