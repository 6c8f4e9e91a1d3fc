"""All flights are read and trained on once for all tests here."""

from collections.abc import Iterator

import pytest

from tests.support.flights_source import Source, read_source
from tests.support.training import Trained, trained


@pytest.fixture(scope="session")
def training(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    with trained(tmp_path_factory.mktemp("training")) as result:
        yield result


@pytest.fixture(scope="session")
def source() -> Source:
    return read_source()
