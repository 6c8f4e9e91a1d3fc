"""A disk that fills up under a run: one clear line, and nothing that was made is lost."""

import contextlib
from pathlib import Path

import pytest

from infra.operations.pipelines.artifacts import StorageError
from infra.operations.pipelines.records import run_records
from infra.operations.pipelines.report import StepStatus
from tests.support.tiny_disk import tiny_disk
from tests.support.toy_pipeline import chain
from tests.support.toy_run import Toy, statuses

pytestmark = pytest.mark.proof

PASSED, CACHED, FAILED, BLOCKED = StepStatus.PASSED, StepStatus.CACHED, StepStatus.FAILED, StepStatus.BLOCKED
# Writes until nothing more fits, unless it is there already.
FILLS = """
ballast = pathlib.Path({ballast!r})
if not ballast.exists():
    with ballast.open('wb', buffering=0) as stream:
        try:
            while stream.write(b'x' * 4096): pass
        except OSError: pass
"""


def fill(ballast: Path) -> None:
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as stream:
        while True:
            stream.write(b"x" * 4096)


def test_a_step_that_cannot_be_kept_has_failed_and_the_next_run_goes_on_from_there(tmp_path: Path) -> None:
    """The step itself ends well; there is no room for what it made, nor for the record of it."""
    toy = Toy(tmp_path)
    with tiny_disk(tmp_path / "storage", kibibytes=256) as disk:
        ballast = disk / "ballast"
        # After its output: a page is left for that and none for more.
        code = f"(folder('OUTPUT', 'b') / 'text').write_text('early')\n{FILLS.format(ballast=str(ballast))}"
        spec = chain(toy.journal, second=code)
        run = toy.run(spec)
        assert statuses(run) == [PASSED, FAILED, BLOCKED]
        assert "No space left on device" in run.summary
        assert "\n" not in run.summary
        ballast.write_bytes(b"")
        again = toy.run(spec)
        assert statuses(again) == [CACHED, PASSED, PASSED]
        assert (toy.artifact(again, "c") / "text").read_text() == "first\nsecond\nthird\n"


def test_a_run_that_cannot_even_begin_says_so_and_loses_nothing(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    with tiny_disk(tmp_path / "storage", kibibytes=256) as disk:
        made = toy.run(chain(toy.journal))
        fill(disk / "ballast")
        with pytest.raises(StorageError) as caught:
            toy.run(chain(toy.journal))
        assert "No space left on device" in str(caught.value)
        assert "\n" not in str(caught.value)
        (disk / "ballast").unlink()
        assert toy.run(chain(toy.journal)).is_unchanged
        assert made.run_id in [record.run_id for record in run_records(toy.storage_uri, "toy")]
