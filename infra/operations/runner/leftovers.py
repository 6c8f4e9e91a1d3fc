"""Processes that a run started and left behind.

act gives every step a session of its own, so no process group holds them all; a mark that they inherit does.
"""

import os
from collections.abc import Sequence
from contextlib import suppress

import psutil

from infra.local.home import HOME_VARIABLE, WORKLOAD_VARIABLE, Home
from infra.local.processes import end

RUN_VARIABLE = "HIGHWAY_CI_RUN"
PATIENCE_SECONDS = 3


def end_run(run: str, home: Home, workload: str) -> None:
    """End what carries the mark of `run`: SIGTERM, then SIGKILL."""
    end(_of_run(run, home, workload), PATIENCE_SECONDS)


def _of_run(run: str, home: Home, workload: str) -> Sequence[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            if process.uids().real != os.getuid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            environment = process.environ()
            # A release may have had to start the supervisor of this highway, which is not the run's.
            is_the_highways = (
                environment.get(HOME_VARIABLE) == str(home.root) and environment.get(WORKLOAD_VARIABLE) != workload
            )
            if environment.get(RUN_VARIABLE) == run and not is_the_highways:
                found.append(process)
    return found
