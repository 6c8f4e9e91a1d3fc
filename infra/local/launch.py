"""`python -m infra.local.launch PLAN`: become the workload that the plan describes.

Whatever is left of an earlier life of the same workload is ended first: a supervisor that was killed leaves
its children behind, and a parent that was killed leaves its workers, all still holding ports and locks.
"""

import os
import resource
import sys
from pathlib import Path

from infra.local.plan import Plan
from infra.local.processes import end, marked


def limit(memory_bytes: int, open_files: int) -> None:
    # RLIMIT_DATA counts private writable memory, what a process really asks for; RLIMIT_AS would also count
    # what Go and glibc only reserve. macOS accepts and ignores it.
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = open_files if most == resource.RLIM_INFINITY else min(open_files, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, allowed))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(path: str) -> None:
    plan = Plan.read(Path(path))
    end(marked(Path(plan.environment["HIGHWAY_HOME"]), workload=plan.name), patience_seconds=2)
    with Path(plan.starts).open("ab") as starts:
        starts.write(b".")
    limit(plan.memory_bytes, plan.open_files)
    os.chdir(plan.directory)
    os.umask(0o077)
    # execvpe searches the PATH of the given environment, not ours
    try:
        os.execvpe(plan.argv[0], plan.argv, plan.environment)  # noqa: S606 - replacing this process is the point
    except FileNotFoundError:
        sys.exit(f"{plan.name}: no program {plan.argv[0]!r} on PATH; run `highway doctor`")


if __name__ == "__main__":
    main(sys.argv[1])
