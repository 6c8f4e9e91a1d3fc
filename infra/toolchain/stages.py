"""The bootstrap's work: checks, uv, the venv and the tools; everything that can, at the same time."""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import NoReturn

from infra.toolchain import children, locks, platforms, preflight
from infra.toolchain.cache import Cache, user_cache
from infra.toolchain.errors import ToolchainError
from infra.toolchain.progress import Progress
from infra.toolchain.resolve import Toolchain
from infra.toolchain.venv import Venv

REPO = Path(__file__).resolve().parents[2]
HOME_VARIABLE = "HIGHWAY_HOME"  # as in infra/local/home.py, which is not for this side of the venv
# Fetched while the venv is filled; the rest comes out of the venv.
FETCHED = ("pulumi", "prometheus", "alertmanager")
FROM_VENV = ("caddy", "act")
INTERRUPTED = 130


def run(stage: str, repo: Path = REPO) -> int:
    """Do `stage` and those before it; returns the exit code. Each problem is one line on stderr."""
    home = Path(os.environ.get(HOME_VARIABLE) or repo / ".highway")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _run(stage, repo, home)
    except KeyboardInterrupt:
        _give_up()
    except BaseExceptionGroup as group:
        return _fail(list(_leaves(group)))
    except (ToolchainError, OSError) as error:
        return _fail([error])
    return 0


def _run(stage: str, repo: Path, home: Path) -> None:
    cache = Cache(user_cache())
    venv = Venv(repo, home, cache)
    checks = preflight.before_bootstrap(home, cache.root, is_first_run=not venv.is_current())
    if problems := [ToolchainError(check.line) for check in checks if not check.ok]:
        raise ExceptionGroup("this machine is not ready", problems)
    home.chmod(0o700)  # sockets and secrets live there
    progress = Progress()
    toolchain = Toolchain(repo, home, cache, platforms.current(), progress)
    with locks.held(home / "bootstrap.lock", _wait_is_on):
        current = toolchain.links.current()
        wanted = {"uv": ("uv",), "venv": ("uv",), "tools": ("uv", *FETCHED, *FROM_VENV)}[stage]
        if all(name in current for name in wanted) and (stage == "uv" or venv.is_current()):
            return
        uv = Path(toolchain.ensure(["uv"])["uv"].executables["uv"])
        if stage == "uv":
            return

        def fill_venv() -> None:
            if not venv.is_current():
                with progress.task("packages") as task:
                    venv.sync(uv, task)

        def fetch_tools() -> None:
            toolchain.ensure(FETCHED)

        with ThreadPoolExecutor(max_workers=2) as pool:
            works = [pool.submit(fill_venv)]
            if stage == "tools":
                works.append(pool.submit(fetch_tools))
            try:
                errors = [error for work in works if (error := work.exception())]
            except KeyboardInterrupt:
                _give_up()
        if errors:
            raise BaseExceptionGroup("the bootstrap failed", errors)
        if stage == "tools":
            toolchain.ensure(FROM_VENV)


def _wait_is_on() -> None:
    print("  waiting for another bootstrap of this clone", file=sys.stderr)


def _give_up() -> NoReturn:
    """End at once, threads and children too: whatever is half done is never used, and gone on with next time."""
    children.stop_all()
    print("bootstrap: interrupted; run the same again to go on from here", file=sys.stderr, flush=True)
    os._exit(INTERRUPTED)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _fail(errors: list[BaseException]) -> int:
    for error in errors:
        if not isinstance(error, (ToolchainError, OSError)):
            raise error
        print(f"bootstrap: {_line(error)}", file=sys.stderr)
    return 1


def _line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full ({error.filename or error.strerror}); free some space and run again"
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}; check the rights to it and run again"
    return " ".join(str(error).split())
