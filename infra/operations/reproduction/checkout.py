"""The sources of a past run, out of this clone and without a network."""

import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from infra.contracts.errors import HighwayError
from infra.contracts.pipelines import UNKNOWN_COMMIT
from infra.operations.pipelines.lineage import Lineage, digest_of_sources
from infra.operations.reproduction import child

DIRTY = "-dirty"


class NotReproducibleError(HighwayError):
    """What is asked for cannot be made again, or not there; nothing was begun."""


def check_sources(repo: Path, commit: str) -> None:
    """Raises `NotReproducibleError` unless `commit` says what the run was made from, and `repo` holds it."""
    if commit.endswith(DIRTY):
        raise NotReproducibleError(
            f"the run is of changes on {commit.removesuffix(DIRTY)[:12]} that were in no commit, so nothing holds its "
            "sources; commit, `highway train`, and reproduce that run"
        )
    if commit == UNKNOWN_COMMIT:
        raise NotReproducibleError("the run does not know its commit: its sources were no git checkout; train in one")
    known = subprocess.run(
        ["git", "--no-optional-locks", "-C", repo, "cat-file", "-e", f"{commit}^{{commit}}"],
        env=child.clean_environment(), capture_output=True, check=False,
    )  # fmt: skip
    if known.returncode:
        raise NotReproducibleError(f"this clone has no commit {commit[:12]}; `git fetch` it from where it was made")


@contextmanager
def clean_folder(workshop: Path, into: Path | None) -> Iterator[Path]:
    """`into`, which is kept, else an empty folder in `workshop` that is gone afterwards.

    Raises `NotReproducibleError` when `into` is not empty, or another reproduction is at work in `workshop`."""
    if into is not None:
        if into.exists() and (not into.is_dir() or any(into.iterdir())):
            raise NotReproducibleError(f"{into} is not empty; give a folder that is, or none")
        into.mkdir(parents=True, exist_ok=True, mode=0o700)
        yield into.resolve()
        return
    workshop.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        lock = FileLock(workshop / "lock", timeout=0, mode=0o600).acquire()
    except Timeout as error:
        raise NotReproducibleError(
            "another run is being reproduced here; wait for it to end, or give a folder with --into"
        ) from error
    folder = workshop / "run"
    with lock:
        # One that was killed leaves its folder behind.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def check_out(  # noqa: PLR0913 - from where, to where, and what it shall be
    source: Path,
    target: Path,
    lineage: Lineage,
    *,
    code: Sequence[str],
    lock: str,
    tell: Callable[[str], None],
) -> None:
    """`lineage.commit` of `source` as a clone in `target`. Raises `HighwayError` when it is not what the run had."""
    environment = child.clean_environment()
    # Local, so that commits which no branch holds any more come along.
    clone = ["git", "clone", "--quiet", "--local", "--no-checkout", str(source), str(target)]
    child.run(clone, folder=source, environment=environment, tell=tell)
    child.run(["git", "checkout", "--quiet", lineage.commit], folder=target, environment=environment, tell=tell)
    tell("comparing digests")
    for what, recorded, paths in (("sources", lineage.code_digest, code), ("lock", lineage.lock_digest, [lock])):
        found = digest_of_sources(target, paths)
        if found != recorded:
            raise HighwayError(
                f"the {what} of commit {lineage.commit[:12]} are {found[:19]} and the run had {recorded[:19]}: "
                "git or the record was altered, so this is not the run that was asked for"
            )
