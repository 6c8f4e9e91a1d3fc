"""What this machine has and lacks, for `highway doctor`: each check says what to do when it fails.

Nothing is fetched and no network is asked. Every check is a function of what it is told.
"""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from infra.toolchain import preflight
from infra.toolchain.cache import user_cache
from infra.toolchain.links import Links, Resolved
from infra.toolchain.loopback import can_bind
from infra.toolchain.preflight import GIBIBYTE, Check
from infra.toolchain.resolve import table_digest
from infra.toolchain.sources import TABLE

# Measured: everything idle takes 1.5 GiB, and training adds 1 GiB for a while.
MEMORY_BYTES = 3 * GIBIBYTE
PORTS_NEEDED = 20
RUNNING_DISK_BYTES = 1 * GIBIBYTE  # once everything is there: data, logs and what training writes
TOOLS = ("pulumi", "prometheus", "alertmanager", "caddy", "act", "uv")


def run_checks(home: Path, port_range: range) -> list[Check]:
    """All checks for the clone whose `.highway/` is `home`, in the order in which a person would mend them. Its
    services listen on ports of `port_range`."""
    linked = Links(home, table_digest()).current()
    return [
        preflight.python(),
        preflight.architecture(),
        preflight.git(),
        preflight.make(),
        preflight.writable("folder", home),
        private(home),
        preflight.writable("cache", user_cache()),
        preflight.disk(home, RUNNING_DISK_BYTES),
        memory(),
        ports(port_range),
        *(tool(name, linked) for name in TOOLS),
        browser(),
    ]


def private(home: Path) -> Check:
    """Sockets and secrets live here, so nobody else may look in."""
    mode = home.stat().st_mode & 0o777
    detail = f"{home} has mode {mode:03o}"
    if mode & 0o077:
        return Check("privacy", ok=False, detail=detail, fix=f"`chmod 700 {home}`: secrets and sockets are in there")
    return Check("privacy", ok=True, detail=detail)


def memory(available: Callable[[], int] = lambda: int(psutil.virtual_memory().available)) -> Check:
    """Bytes that programs can get without swapping."""
    free = available()
    detail = f"{free / GIBIBYTE:.1f} GiB of memory available"
    if free >= MEMORY_BYTES:
        return Check("memory", ok=True, detail=detail)
    return Check(
        "memory", ok=False, detail=f"only {detail}", fix=f"close programs: {MEMORY_BYTES // GIBIBYTE} GiB are needed"
    )


def ports(port_range: range, is_free: Callable[[int], bool] = can_bind) -> Check:
    """Whether the range holds enough ports for one highway; stops at the last one that is needed."""
    where = f"from {port_range[0]} to {port_range[-1]} on loopback"
    free = 0
    for port in port_range:
        free += is_free(port)
        if free == PORTS_NEEDED:
            return Check("ports", ok=True, detail=f"at least {free} ports free {where}")
    return Check(
        "ports",
        ok=False,
        detail=f"only {free} ports free {where}, of {PORTS_NEEDED} needed",
        fix="stop programs that listen there (`ss -ltnp`, `lsof -iTCP -sTCP:LISTEN`)",
    )


def tool(name: str, linked: Mapping[str, Resolved]) -> Check:
    """Whether the tool is linked and the file is still the one that was verified."""
    resolved = linked.get(name)
    if resolved:
        return Check(name, ok=True, detail=f"{resolved.version}, from {resolved.source}")
    return Check(
        name,
        ok=False,
        detail=f"{name} is not linked, or changed since it was",
        fix=f"run `make up`; if that cannot get it, {TABLE[name].advice}",
    )


def browser(which: preflight.Which = shutil.which) -> Check:
    """Only `make proof` needs one, for the pages' tests."""
    needed = ("chromium", "chromedriver")
    if all(which(name) for name in needed):
        return Check("browser", ok=True, detail="Chromium and its driver, for `make proof`")
    missing = ", ".join(name for name in needed if not which(name))
    return Check(
        "browser",
        ok=False,
        detail=f"no {missing}: `make proof` cannot try the pages",
        fix="`apt-get install chromium chromium-driver`",
        is_needed=False,
    )
