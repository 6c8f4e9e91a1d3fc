"""What every test run does first, and the highway that tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from tests.support.live import Highway, clone
from tests.support.recorded import RecordedClone, recorded_clone

pytest_plugins = ["tests.support.evidence"]

# Nothing is written outside .highway/.
set_hypothesis_home_dir(Path(__file__).parents[1] / ".highway" / "cache" / "hypothesis")


@pytest.fixture(scope="session")
def live_highway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Highway]:
    """A whole highway, trained and released, once a run: who breaks it mends it again."""
    with clone(tmp_path_factory.mktemp("live")) as highway:
        highway.run("up")
        yield highway


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> RecordedClone:
    """A clone with the recorded runs of two commits, once a run: who changes it puts it back."""
    return recorded_clone(tmp_path_factory.mktemp("recorded"))
