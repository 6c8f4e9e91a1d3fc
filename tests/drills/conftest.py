"""One live highway for all drills, trained and released: each drill leaves it as it was."""

from collections.abc import Iterator

import pytest

from tests.support.live import Highway, clone


@pytest.fixture(scope="module")
def live_highway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Highway]:
    with clone(tmp_path_factory.mktemp("drills")) as highway:
        highway.run("up")
        yield highway
