"""`.highway/tools/bin`: every tool under its own name, whatever it came from, and a record of what it is."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from infra.toolchain.cache import signature_of

LANGUAGE_HOST = "pulumi-language-python"
LAUNCHER = """#!/bin/sh
# Pulumi's Python language host, made by infra/toolchain because the official one is not beside this pulumi.
home="${0%/*}/../.."
unset PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX="$home/cache/pycache"
exec "$home/venv/bin/python" -P -m infra.toolchain.language_host "$@"
"""


@dataclass(frozen=True)
class Resolved:
    """A tool, its version, where it came from, and its executables."""

    name: str
    version: str
    source: str
    executables: dict[str, str]


@dataclass(frozen=True)
class Links:
    """`home` is a clone's `.highway/`; `table` names the state of the table that the record was made from."""

    home: Path
    table: str

    @property
    def bin(self) -> Path:
        return self.home / "tools" / "bin"

    @property
    def _record(self) -> Path:
        return self.home / "tools" / "resolved.json"

    def current(self) -> dict[str, Resolved]:
        """The tools that are linked and unchanged since they were resolved, by name. Reads no tool, runs none."""
        try:
            record = json.loads(self._record.read_text())
            if record["table"] != self.table:
                return {}
            return {
                name: Resolved(**tool["resolved"])
                for name, tool in record["tools"].items()
                if all(self._is_unchanged(link, signature) for link, signature in tool["signatures"].items())
            }
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def _is_unchanged(self, link: str, signature: list[int]) -> bool:
        try:
            return signature_of(self.bin / link) == signature
        except OSError:
            return False

    def put(self, tools: Mapping[str, Resolved]) -> None:
        """Link `tools` and record them beside those that are still current."""
        self.bin.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = self.current()
        names = {name: self._link(tool) for name, tool in tools.items()}
        record = {
            "table": self.table,
            "tools": {
                name: {
                    "resolved": asdict(tool),
                    "signatures": {
                        link: signature_of(self.bin / link) for link in names.get(name) or self._names(tool)
                    },
                }
                for name, tool in {**kept, **tools}.items()
            },
        }
        temporary = self._record.with_suffix(".new")
        temporary.write_text(json.dumps(record, indent=1) + "\n")
        temporary.replace(self._record)

    def _names(self, tool: Resolved) -> list[str]:
        host = [LANGUAGE_HOST] if "pulumi" in tool.executables else []
        return [*tool.executables, *host]

    def _link(self, tool: Resolved) -> list[str]:
        for name, path in tool.executables.items():
            _replace(self.bin / name, partial(Path.symlink_to, target=path))
        if "pulumi" in tool.executables:
            self._link_language_host(Path(tool.executables["pulumi"]))
        return self._names(tool)

    def _link_language_host(self, pulumi: Path) -> None:
        for old in self.bin.glob("pulumi-*"):
            old.unlink()
        beside = pulumi.resolve().parent
        if (beside / LANGUAGE_HOST).exists():
            for path in beside.glob("pulumi-*python*"):
                _replace(self.bin / path.name, partial(Path.symlink_to, target=path))
            return
        # The engine takes a language host that stands beside its own file without remark, and warns about one
        # from elsewhere on PATH at every run; so its file stands here too (a hard link where that can be).
        _replace(self.bin / "pulumi", lambda new: _hard_link_or_copy(pulumi.resolve(), new))

        def launcher(new: Path) -> None:
            new.write_text(LAUNCHER)
            new.chmod(0o755)

        _replace(self.bin / LANGUAGE_HOST, launcher)


def _hard_link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or a file of another user
        shutil.copy2(source, target)


def _replace(path: Path, make: Callable[[Path], object]) -> None:
    """Put what `make` makes in the place of `path`, in one step."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    make(new)
    new.replace(path)
