"""`launch.py PLAN`: become the workload that the plan describes (`infra.local.plan.Plan`, as JSON).

Whatever is left of an earlier life of a service is ended first: a supervisor that was killed leaves its children
behind, and a parent that was killed leaves its workers, all still holding ports and locks. Of a job it is ended by
whoever starts it, once. Every step of a pipeline waits for this program, so it is run by its path, without the
packages of the environment (`python -S`), and imports next to nothing.
"""

import json
import os
import resource
import sys


def limit(memory_bytes: int, open_files: int) -> None:
    # RLIMIT_DATA counts private writable memory, what a process really asks for; RLIMIT_AS would also count
    # what Go and glibc only reserve. macOS accepts and ignores it.
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = open_files if most == resource.RLIM_INFINITY else min(open_files, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, allowed))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def sweep(home: str, name: str) -> None:
    import site  # noqa: PLC0415 - what `-S` left out
    from pathlib import Path  # noqa: PLC0415 - only services need it

    site.main()
    from infra.local.processes import end, marked  # noqa: PLC0415 - found by `site` alone

    end(marked(Path(home), workload=name), patience_seconds=2)


def main(path: str) -> None:
    with open(path) as stream:  # noqa: PTH123 - pathlib takes longer to import than all else here
        plan = json.load(stream)
    if json.loads(plan["spec"])["kind"] == "Service":
        sweep(plan["environment"]["HIGHWAY_HOME"], plan["name"])
    with open(plan["starts"], "ab") as starts:  # noqa: PTH123 - as above
        starts.write(b".")
    limit(plan["memory_bytes"], plan["open_files"])
    os.chdir(plan["directory"])
    os.umask(0o077)
    # execvpe searches the PATH of the given environment, not ours
    try:
        os.execvpe(plan["argv"][0], plan["argv"], plan["environment"])  # noqa: S606 - replacing this process is the point
    except FileNotFoundError:
        sys.exit(f"{plan['name']}: no program {plan['argv'][0]!r} on PATH; run `highway doctor`")


if __name__ == "__main__":
    main(sys.argv[1])
