"""Serving until told to stop, and then leaving so that no request is lost.

On SIGTERM: readiness answers 503 and connections close after their answers (`Lifecycle`); after
`drain_notice_seconds` the listener closes; what is under way has `drain_timeout_seconds` to end; exit code 0.
uvicorn alone closes the listener at once, when a gateway still sends, and ends by the signal instead of with 0.
"""

import asyncio
import gc
import logging
import time
from functools import partial
from types import FrameType
from typing import cast

import uvicorn
from fastapi import FastAPI

from reference_app.door import Door, DoorProtocol
from reference_app.services import Services
from reference_app.settings import Settings

LOOPBACK = "127.0.0.1"
FINISH_SECONDS = 1.0  # after the last request, for what is still to be written down

logger = logging.getLogger("reference_app.server")


class DrainingServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services
        self._leave_at: float | None = None  # on the monotonic clock

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal starts the drain, a second one ends the notice early."""
        notice_seconds = 0.0 if self._leave_at else self._services.settings.drain_notice_seconds
        self._services.lifecycle.is_draining = True
        self._leave_at = time.monotonic() + notice_seconds

    async def on_tick(self, counter: int) -> bool:
        """uvicorn asks ten times a second."""
        if self._leave_at is not None and time.monotonic() >= self._leave_at:
            self.should_exit = True
        return await super().on_tick(counter)


def serve(app: FastAPI, settings: Settings) -> None:
    """Blocks. Exits the process with uvicorn's code 3 when the port cannot be had."""
    services: Services = app.state.services
    door = Door(settings.most_waiting, services.metrics, services.lifecycle)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=cast(type[asyncio.Protocol], partial(DoorProtocol, door)),
        host=LOOPBACK,
        port=settings.port,
        access_log=False,
        log_config=None,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=settings.drain_timeout_seconds,
    )
    # What is there now stays. Looking through all of it again, as each full collection does, would stop every answer
    # for 40 ms, twice a second under load.
    gc.collect()
    gc.freeze()
    DrainingServer(config, services).run()
    _finish(services)
    logger.info("drained and stopped")


def _finish(services: Services) -> None:
    until = time.monotonic() + FINISH_SECONDS
    for finish in services.finishers:
        finish(max(0.0, until - time.monotonic()))
