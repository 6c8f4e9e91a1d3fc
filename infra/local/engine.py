"""The Pulumi engine of one home: the environment that `pulumi` runs in, and updates with their progress.

`.highway/env` holds the same environment for a shell, so a plain `pulumi up` does what `highway up` does.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from infra.contracts.errors import HighwayError
from infra.contracts.files import write_atomically
from infra.contracts.pipelines import DATA_VARIABLE
from infra.local.home import HOME_VARIABLE, Home
from infra.local.proxies import LOOPBACK, VARIABLES, without_proxy
from infra.local.secrets import PASSPHRASE_SECRET

# The backend's library renames each file into its place, except for the `.attrs` beside it, which nothing needs: a kill
# while that was written left it empty, and every later command failed.
BACKEND_OPTIONS = "metadata=skip"
STACK = "local"
INTERRUPT_SECONDS = 60


class EngineError(HighwayError):
    """An update failed; the message is what the engine reported, and the log has the rest."""


@dataclass(frozen=True)
class Program:
    """A Pulumi program of this repo: its folder, and what people call it."""

    title: str
    folder: str


PLATFORM = Program("platform", ".")
PIPELINES = Program("pipelines", "pipelines")
APP = Program("reference app", "reference-app")
PROGRAMS = (PLATFORM, PIPELINES, APP)


@dataclass
class Summary:
    """What an update did: operations by kind ("same", "create", "update", "delete", …)."""

    operations: dict[str, int] = field(default_factory=dict)

    @property
    def changes(self) -> int:
        return sum(count for kind, count in self.operations.items() if kind not in ("same", "read", "refresh"))


# Called with the resource's type token and name when work on it starts (False) and ends (True).
OnResource = Callable[[str, str, bool], None]


def environment(home: Home) -> dict[str, str]:
    """What makes a shell, or a child process, work on the stack `local` of this home."""
    tools = [str(Path(sys.executable).parent), str(home.root / "tools" / "bin")]
    path = [entry for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if entry not in tools]
    return {
        HOME_VARIABLE: str(home.root),
        "PATH": os.pathsep.join([*tools, *path]),
        DATA_VARIABLE: home.storage.as_uri(),
        "PULUMI_HOME": str(home.root / "pulumi"),
        "PULUMI_BACKEND_URL": f"{home.state.as_uri()}?{BACKEND_OPTIONS}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(home.secret(PASSPHRASE_SECRET)),
        "PULUMI_STACK": STACK,
        # The encryption salt belongs to this home's passphrase, so the stack's settings live beside it and not
        # in a tracked file.
        "PULUMI_OPTION_CONFIG_FILE": str(home.root / f"Pulumi.{STACK}.yaml"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PYTHONPYCACHEPREFIX": str(home.root / "cache" / "pycache"),
        **without_proxy(),
    }


def write_environment(home: Home) -> Path:
    """`.highway/env`, to be sourced. Holds no secret, only where they are."""
    values = environment(home)
    own = values["PATH"].split(os.pathsep)[:2]
    lists = {"PATH", *VARIABLES}  # of which the shell that sources it has its own
    lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items() if name not in lists]
    lines += [f"export {name}={','.join(LOOPBACK)}${{{name}:+,${name}}}" for name in VARIABLES]
    lines += [f"export PATH={shlex.quote(os.pathsep.join(own))}:$PATH", "unset PYTHONDONTWRITEBYTECODE"]
    path = home.root / "env"
    write_atomically(path, "\n".join(["# source this file, then use pulumi as ever", *lines, ""]))
    return path


@dataclass(frozen=True)
class Engine:
    """Runs `pulumi` for one program of one home."""

    home: Home
    program: Program

    @property
    def log(self) -> Path:
        return self.home.logs / "pulumi" / f"{self.program.title.replace(' ', '-')}.log"

    @property
    def checkpoint(self) -> Path:
        """Where the file backend keeps this stack's state; the one before it is beside it, in `.bak`."""
        return self.home.state / ".pulumi" / "stacks" / str(self._project["name"]) / f"{STACK}.json"

    @property
    def has_stack(self) -> bool:
        return self.checkpoint.exists()

    def ensure_stack(self) -> None:
        """Make the backend and the stack unless they are there."""
        if not self.has_stack:
            self.home.state.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.run("stack", "select", STACK, "--create")
        # Making a stack is the one command that cannot be told of our settings file: it writes one of its own,
        # with nothing but a salt, into the source tree.
        folder = self.home.repo / self.program.folder / str(self._project.get("stackConfigDir", "."))
        settings = folder / f"Pulumi.{STACK}.yaml"
        if settings.exists() and set(yaml.safe_load(settings.read_text()) or {}) <= {"encryptionsalt"}:
            settings.unlink()

    def up(self, on_resource: OnResource) -> Summary:
        """Bring the stack to what the program declares. Raises `EngineError`."""
        return self._update("up", ["--skip-preview", "--yes"], on_resource)

    def refresh(self, on_resource: OnResource) -> Summary:
        return self._update("refresh", ["--skip-preview", "--yes", "--clear-pending-creates"], on_resource)

    def destroy(self, on_resource: OnResource) -> Summary:
        return self._update("destroy", ["--skip-preview", "--yes"], on_resource)

    def outputs(self) -> dict[str, Any]:
        shown = json.loads(self.run("stack", "output", "--json"))
        return shown if isinstance(shown, dict) else {}

    def set_config(self, values: Mapping[str, str]) -> None:
        pairs = [part for key, value in values.items() for part in ("--plaintext", f"{key}={value}")]
        self.run("config", "set-all", *pairs)

    def remove_config(self, key: str) -> None:
        self.run("config", "rm", key)

    def config(self) -> dict[str, str]:
        shown = json.loads(self.run("config", "--json"))
        return {key.partition(":")[2]: entry["value"] for key, entry in shown.items() if "value" in entry}

    def run(self, *arguments: str) -> str:
        """One short command. Raises `EngineError` with the engine's own words."""
        done = subprocess.run(
            self._command(*arguments),
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            told = done.stderr.strip() or done.stdout.strip()
            raise EngineError(f"pulumi {' '.join(arguments[:2])} ({self.program.title}): {told}")
        return done.stdout

    @property
    def _project(self) -> dict[str, Any]:
        project = yaml.safe_load((self.home.repo / self.program.folder / "Pulumi.yaml").read_text())
        assert isinstance(project, dict)
        return project

    def _update(self, verb: str, options: Sequence[str], on_resource: OnResource) -> Summary:
        self.log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        summary, diagnostics = Summary(), []
        with self.log.open("a") as log, self._started(verb, *options, "--json") as process:
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                event = _event(line)
                if "resourcePreEvent" in event:
                    _tell(on_resource, event["resourcePreEvent"]["metadata"], False)
                elif "resOutputsEvent" in event:
                    _tell(on_resource, event["resOutputsEvent"]["metadata"], True)
                elif "summaryEvent" in event:
                    summary = Summary(event["summaryEvent"].get("resourceChanges") or {})
                elif event.get("diagnosticEvent", {}).get("severity") == "error":
                    diagnostics.append(event["diagnosticEvent"]["message"].strip())
                elif not event:
                    diagnostics.append(line.strip())
        if process.returncode != 0:
            told = "\n".join(dict.fromkeys(filter(None, diagnostics))) or "no reason was given"
            raise EngineError(f"pulumi {verb} ({self.program.title}) failed: {told}\nThe whole story: {self.log}")
        return summary

    @contextmanager
    def _started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            self._command(*arguments),
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C comes to us, and we ask the engine to stop in order
        )
        try:
            yield process
            process.wait()
        except BaseException:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(INTERRUPT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
        finally:
            if process.stdout:
                process.stdout.close()

    def _command(self, *arguments: str) -> list[str]:
        return ["pulumi", "--non-interactive", "--cwd", str(self.home.repo / self.program.folder), *arguments]

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return inherited | environment(self.home)


def _event(line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _tell(on_resource: OnResource, metadata: Mapping[str, Any], is_done: bool) -> None:
    if metadata["op"] != "same":
        on_resource(metadata["type"], metadata["urn"].rpartition("::")[2], is_done)
