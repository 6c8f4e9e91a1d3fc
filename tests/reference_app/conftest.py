"""One trained model for all tests of the app, and an app around it."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from fastapi.testclient import TestClient
from reference_app.app import create_app
from reference_app.settings import Settings
from threadpoolctl import threadpool_limits

from tests.support.flight_model import PublishedModel, publish_model


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> PublishedModel:
    return publish_model(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="session")
def settings(published: PublishedModel) -> Settings:
    return Settings(
        bundles=published.store,
        model_digest=published.digest,
        model_version="7",
        app_version="abc1234",
        port=8080,
    )


def _clients(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        assert client.portal
        # As the app runs: with one row a call, more OpenMP threads only wait for each other, on a busy machine
        # long. The limit is one of the calling thread, so it is set in the thread that serves.
        client.portal.call(partial(threadpool_limits, 1, user_api="openmp"))
        yield client


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    yield from _clients(settings)


@pytest.fixture(scope="module")
def kept_client(settings: Settings) -> Iterator[TestClient]:
    """One app for the many examples of a property."""
    yield from _clients(settings)


@pytest.fixture
def flight() -> dict[str, object]:
    """A request that is answered."""
    return {
        "date": "2013-07-04",
        "scheduled_departure": "18:30",
        "scheduled_arrival": "21:45",
        "carrier": "B6",
        "origin": "JFK",
        "destination": "LAX",
    }


@pytest.fixture
def metric(client: TestClient) -> Callable[[], dict[str, float]]:
    """Every series of /metrics with its value."""

    def read() -> dict[str, float]:
        lines = [line for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    return read
