"""Which tool comes from where on this machine: PATH, then what is cached, then each source in the table's order."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from infra.toolchain import debian, go_build, python_package, release, trials, versions
from infra.toolchain.cache import Cache, Entry
from infra.toolchain.errors import SourceUnavailableError, ToolchainError
from infra.toolchain.links import Links, Resolved
from infra.toolchain.platforms import Platform
from infra.toolchain.progress import Progress, Task
from infra.toolchain.sources import TABLE, Debian, Fetched, GoBuild, InVenv, PythonPackage, Release, Source, Tool
from infra.toolchain.workshop import Workshop


def table_digest() -> str:
    """Changes with the table."""
    return hashlib.sha256(Path(__file__).with_name("sources.py").read_bytes()).hexdigest()[:16]


@dataclass(frozen=True)
class Toolchain:
    """The tools of one clone. `home` is its `.highway/`; `search_path` is what PATH says."""

    repo: Path
    home: Path
    cache: Cache
    platform: Platform
    progress: Progress
    search_path: str = field(default_factory=lambda: os.environ.get("PATH", ""))
    table: Mapping[str, Tool] = field(default_factory=lambda: TABLE)

    @property
    def links(self) -> Links:
        return Links(self.home, table_digest())

    def ensure(self, names: Sequence[str]) -> dict[str, Resolved]:
        """Resolve the tools named, all at once, and link them.

        Raises an `ExceptionGroup` of `ToolchainError`, one a tool, after every other tool is linked.
        """
        current = self.links.current()
        missing = [name for name in names if name not in current]
        if not missing:
            return {name: current[name] for name in names}
        with ThreadPoolExecutor(max_workers=len(missing)) as pool:
            futures: dict[str, Future[Resolved]] = {name: pool.submit(self.resolve, name) for name in missing}
        errors = [error for future in futures.values() if (error := future.exception())]
        made = {name: future.result() for name, future in futures.items() if not future.exception()}
        self.links.put(made)
        if errors:
            raise BaseExceptionGroup("tools are missing", errors)
        return {name: made.get(name) or current[name] for name in names}

    def resolve(self, name: str) -> Resolved:
        """Find or get one tool. Raises `ToolchainError` with each source's reason when none has it."""
        tool = self.table[name]
        if found := self._on_path(tool):
            return found
        sources = tool.sources[self.platform]
        for source in sources:
            if found := self._at_hand(tool, source):
                return found
        reasons = []
        with self.progress.task(name) as task:
            for source in sources:
                if isinstance(source, InVenv):
                    reasons.append(f"{source.label}: not in the venv")
                    continue
                try:
                    entry = self._get(tool, source, task)
                except SourceUnavailableError as error:
                    reasons.append(f"{source.label}: {error}")
                    continue
                task.done(f"{entry.version}, {source.label}")
                return _resolved(tool, source.label, entry)
            task.done("not to be had")
            raise ToolchainError(f"{name} is missing ({'; '.join(reasons)}); {tool.advice}, or mend the network")

    def _on_path(self, tool: Tool) -> Resolved | None:
        folders = [Path(entry) for entry in self.search_path.split(os.pathsep) if entry]
        # What an earlier run linked, here or in another clone, is no find.
        folders = [folder for folder in folders if ".highway" not in folder.parts]
        for main in _executables(folders, tool, tool.executables[0]):
            try:
                version = _check(tool, main)
            except SourceUnavailableError:
                continue
            rest = {name: next(_executables(folders, tool, name), None) for name in tool.executables[1:]}
            if None not in rest.values():
                paths = {tool.executables[0]: str(main), **{name: str(path) for name, path in rest.items()}}
                return Resolved(tool.name, version, "PATH", paths)
        return None

    def _at_hand(self, tool: Tool, source: Source) -> Resolved | None:
        if not isinstance(source, InVenv):
            entry = self.cache.load(self._key(tool, source))
            return _resolved(tool, source.label, entry) if entry else None
        paths = {name: self.home / "venv" / "bin" / name for name in source.executables}
        try:
            version = _check(tool, paths[tool.executables[0]])
        except SourceUnavailableError:
            return None
        return Resolved(tool.name, version, source.label, {name: str(path) for name, path in paths.items()})

    def _get(self, tool: Tool, source: Fetched, task: Task) -> Entry:
        key = self._key(tool, source)
        with ExitStack() as stack:
            lock = stack.enter_context(
                self.cache.lock(key, lambda: task.update("waiting: another clone is getting the same"))
            )
            if entry := self.cache.load(key):
                return entry
            workshop = Workshop(self.repo, self.cache, self.cache.staging(key), task, lock, self._path_of)
            executables = _fill(source, workshop)
            version = _check(tool, workshop.staging / executables[tool.executables[0]])
            entry = self.cache.publish(key, version, executables)
            if isinstance(source, GoBuild):
                go_build.clean(source, workshop)
            return entry

    def _path_of(self, name: str) -> Path:
        return Path(self.resolve(name).executables[name])

    def _key(self, tool: Tool, source: Fetched) -> str:
        """Names the cache entry after all that decides its content."""
        content = hashlib.sha256(repr(source).encode())
        if isinstance(source, PythonPackage):
            content.update((self.repo / source.lock).read_bytes())
        if isinstance(source, GoBuild):
            module = self.repo / "infra" / "toolchain" / "go" / source.module
            content.update((module / "go.mod").read_bytes() + (module / "go.sum").read_bytes())
        return f"{tool.name}-{self.platform}-{type(source).__name__.lower()}-{content.hexdigest()[:10]}"


def _check(tool: Tool, executable: Path) -> str:
    """The version of a tool's first executable. Raises `SourceUnavailableError` when it is not one that we take,
    or does not work here."""
    version = versions.ask(executable, tool)
    if version is None:
        raise SourceUnavailableError("what it gives does not run on this machine")
    if not tool.accepts(version):
        raise SourceUnavailableError(f"it has version {versions.text(version)}")
    if tool.trial and (fault := trials.fault(tool.trial, executable)):
        raise SourceUnavailableError(f"what it gives does not start ({fault})")
    return versions.text(version)


def _fill(source: Fetched, workshop: Workshop) -> dict[str, str]:
    match source:
        case Release():
            return release.fill(source, workshop)
        case Debian():
            return debian.fill(source, workshop)
        case GoBuild():
            return go_build.fill(source, workshop)
        case PythonPackage():
            return python_package.fill(source, workshop)


def _executables(folders: Sequence[Path], tool: Tool, name: str) -> Iterator[Path]:
    names = [name, tool.other_names[name]] if name in tool.other_names else [name]
    for folder in folders:
        for candidate in names:
            path = folder / candidate
            if path.is_file() and os.access(path, os.X_OK):
                yield path


def _resolved(tool: Tool, label: str, entry: Entry) -> Resolved:
    return Resolved(tool.name, entry.version, label, {name: str(path) for name, path in entry.executables.items()})
