"""One highway with a real supervisor, gateway and release controller, and predictions that arrive all the while."""

import asyncio
import http.client
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from infra.contracts.files import write_atomically
from infra.contracts.ledger import OUTBOX_VARIABLE, TOKEN_FILE_VARIABLE, URL_VARIABLE
from infra.contracts.names import LEDGER_SECRET
from infra.contracts.release import CanaryStep, Release
from infra.contracts.workload import DataClassification, Probe, Service
from infra.local.gateway import Gateway, gateway_service
from infra.local.processes import marked
from infra.local.routes import Route
from infra.local.split import split_directory
from infra.local.supervisor import Supervisor
from infra.operations.releases.state import Phase, StateFile
from tests.support.gateway import ECHO, short_home
from tests.support.service import free_port
from tests.support.traffic import Report, send

STEPS = (CanaryStep(weight_percent=20, hold_seconds=1.5), CanaryStep(weight_percent=50, hold_seconds=1.5))


def revision(version: str, **changes: object) -> Release:
    fields = {
        "name": "app",
        "owner": "product",
        "data_classification": DataClassification.PUBLIC,
        "command": (sys.executable, "-S", str(ECHO), "$(PORT)", version),
        "port": 8080,
        "readiness": Probe(path="/ready", period_seconds=0.2, failure_threshold=50),
        "metrics_path": "/metrics",
    }
    return Release(name="app", version=version, steps=STEPS, service=Service.model_validate(fields | changes))


class Stage:
    """One highway with a gateway and a controller, whose ledger is down all the time."""

    def __init__(self, home):
        self.home = home
        self.supervisor = Supervisor(home)
        write_atomically(home.secret(LEDGER_SECRET), "a token")
        Gateway(home).put(Route(name="app", split_directory=str(split_directory(home, "app"))))
        self.gateway = self.supervisor.apply(gateway_service(home, 8080)).address
        self.controller = self.supervisor.apply(
            Service(
                name="releases",
                owner="platform",
                data_classification=DataClassification.INTERNAL,
                command=("python", "-m", "infra.operations.releases"),
                environment={
                    URL_VARIABLE: f"http://127.0.0.1:{free_port()}",
                    OUTBOX_VARIABLE: str(home.outbox),
                },
                secrets={TOKEN_FILE_VARIABLE: LEDGER_SECRET},
                port=8080,
                readiness=Probe(path="/health", period_seconds=0.2, failure_threshold=100),
            )
        ).address

    def want(self, release: Release | None) -> None:
        """As the provider writes and removes it."""
        path = self.home.releases / "app.json"
        if release is None:
            path.unlink()
        else:
            write_atomically(path, release.model_dump_json())

    def wait(self, is_so, seconds: float = 40):
        """Until the state is as asked; returns it."""
        deadline = time.monotonic() + seconds
        while True:
            state = StateFile.of(self.home.releases, "app").load()
            if state and is_so(state):
                return state
            assert time.monotonic() < deadline, f"still {state.model_dump_json(indent=1) if state else None}"
            time.sleep(0.05)

    def wait_for(self, phase: Phase, release: Release):
        return self.wait(lambda state: state.phase is phase and state.release == release and not state.retiring)

    def kill(self, name: str) -> None:
        os.kill(self.supervisor.status(name).pid, signal.SIGKILL)

    def ask(self, address: str, path: str = "/") -> tuple[int, str]:
        connection = http.client.HTTPConnection(address, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def revisions(self) -> set[str]:
        return {name for name in self.supervisor.declared() if name.startswith("app-")}


class Traffic(threading.Thread):
    """Predictions at 200/s beside what the test does; `with` waits for the last answer."""

    def __init__(self, address: str, seconds: float) -> None:
        super().__init__()
        self._send = lambda: send(address, path="/predict", requests=int(200 * seconds), rate=200.0)
        self.report = Report()

    def run(self) -> None:
        self.report = asyncio.run(self._send())

    def __enter__(self) -> "Traffic":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.join()


@contextmanager
def staged() -> Iterator[Stage]:
    """A stage that is cleared away, with the proof that it is."""
    with short_home() as home:
        stage = Stage(home)
        try:
            yield stage
        finally:
            stage.supervisor.shut_down()
            assert marked(home.root) == [], "nothing outlives the supervisor"
