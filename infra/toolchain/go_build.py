"""A tool built from Go modules. What is compiled stays until the build is done, so that the next run goes on."""

import shutil

from infra.toolchain import children
from infra.toolchain.cache import remove_tree
from infra.toolchain.children import ChildError
from infra.toolchain.errors import SourceUnavailableError, ToolchainError
from infra.toolchain.sources import GoBuild
from infra.toolchain.workshop import Workshop

GIBIBYTE = 1024**3


def fill(source: GoBuild, workshop: Workshop) -> dict[str, str]:
    """Raises `SourceUnavailableError` when there is no Go or no module, `ToolchainError` when the disk is too small."""
    work = workshop.cache.root / "go" / source.module
    work.mkdir(parents=True, exist_ok=True, mode=0o700)
    used = sum(path.stat().st_size for path in work.rglob("*") if path.is_file())
    free = shutil.disk_usage(work).free
    if free + used < source.free_bytes:
        raise ToolchainError(
            f"building {source.module} needs {source.free_bytes / GIBIBYTE:.0f} GiB in {workshop.cache.root}, "
            f"and {free / GIBIBYTE:.1f} GiB are free; free some, or point XDG_CACHE_HOME at another disk"
        )
    go = workshop.tool("go")
    compiled = 0

    def on_line(line: str) -> None:
        nonlocal compiled
        if line.startswith("go: downloading"):
            workshop.task.update(f"fetching modules: {line.split()[2]}")
        elif line and not line.startswith("go: "):
            compiled += 1
            workshop.task.update(
                f"compiling package {compiled} of {source.packages}", min(compiled / source.packages, 0.99)
            )

    workshop.task.update(f"building with {go}")
    try:
        children.run(
            [str(go), "build", "-v", "-o", str(workshop.staging), *_flags(source), *source.commands],
            cwd=workshop.repo / "infra" / "toolchain" / "go" / source.module,
            environment={
                "GOMODCACHE": str(work / "modules"),
                "GOCACHE": str(work / "build"),
                "GOFLAGS": "-mod=readonly -modcacherw",
                "GOTOOLCHAIN": "local",  # go.sum pins modules; a toolchain would come unpinned
                "GOWORK": "off",
                "CGO_ENABLED": "0",  # so that no C compiler is needed
            },
            on_line=on_line,
            keep_open=(workshop.lock,),
        )
    except ChildError as error:
        raise SourceUnavailableError(f"go build failed ({error.reason})") from error
    return source.executables


def clean(source: GoBuild, workshop: Workshop) -> None:
    """Give back the gigabytes that the build took, once its result is published."""
    remove_tree(workshop.cache.root / "go" / source.module)


def _flags(source: GoBuild) -> list[str]:
    return ["-trimpath", "-buildvcs=false", f"-ldflags={source.ldflags}"]
