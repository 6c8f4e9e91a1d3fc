"""Pulumi's Python language host, for machines where the official one cannot be had.

The engine starts it as `pulumi-language-python [flags] ENGINE_ADDRESS`, reads its port from the first line of
stdout and then asks it to run programs, providers and policy packs. Everything runs with the Python that runs
this module. It ends on SIGINT and SIGTERM, and by itself, plugins first, when the engine is gone: a
`kill -9` of pulumi leaves nothing behind.
"""

import importlib.metadata
import os
import queue
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import IO, Any

import grpc  # type: ignore[import-untyped]
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

PARENT_CHECK_SECONDS = 0.25
PLUGIN_GRACE_SECONDS = 2.0
# Every running plugin holds one worker until it ends, so there must be more of them than a program has plugins.
WORKERS = 64
# Pulumi's own limit on a message: SDK, runtime/settings.py.
MAX_MESSAGE_BYTES = 400 * 1024 * 1024
# What Python runs for each kind of plugin; any other kind is a folder with a `__main__.py`.
COMMAND_OF_KIND = {"analyzer": ["-u", "-m", "pulumi.policy"]}


class Plugins:
    """The plugin processes that are running, so that none outlives the host."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    def start(self, command: list[str], directory: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with self._lock:
            process = subprocess.Popen(
                command,
                cwd=directory or None,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            self._running.add(process)
        return process

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Ask, wait, then kill. Returns when the process is gone."""
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(PLUGIN_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        with self._lock:
            self._running.discard(process)

    def stop_all(self) -> None:
        with self._lock:
            running = list(self._running)
        for process in running:
            if process.poll() is None:
                process.terminate()
        for process in running:
            self.stop(process)


class LanguageHost(LanguageServer):
    """Serves the `LanguageRuntime` interface for one engine at `engine_address`."""

    def __init__(self, engine_address: str, plugins: Plugins) -> None:
        super().__init__(program=lambda: None)
        self._engine_address = engine_address
        self._plugins = plugins

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the interface
        program = Path(request.info.program_directory) / (request.info.entry_point or ".")
        os.chdir(request.pwd or request.info.program_directory)
        # As `python PROGRAM` would: the program sees its own name and arguments, and its folder first on the path.
        sys.argv = [str(program), *request.args]
        sys.path.insert(0, str(program if program.is_dir() else program.parent))
        # The base class takes the engine's address from the arguments, where the automation API puts it.
        request.args[:] = [self._engine_address]

        def run_program() -> None:
            runpy.run_path(str(program.resolve()), run_name="__main__")

        self.program = run_program
        return super().Run(request, context)  # type: ignore[no-untyped-call]

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """Run a provider or policy pack and stream what it says; the last message is its exit code."""
        start = COMMAND_OF_KIND.get(request.kind, ["-u", request.info.program_directory])
        environment = dict(os.environ)
        environment.update(entry.split("=", 1) for entry in request.env)
        process = self._plugins.start([sys.executable, *start, *request.args], request.pwd, environment)
        context.add_callback(lambda: self._plugins.stop(process))
        try:
            for name, chunk in _output_of(process):
                is_stdout = name == "stdout"
                yield (
                    language_pb2.RunPluginResponse(stdout=chunk)
                    if is_stdout
                    else language_pb2.RunPluginResponse(stderr=chunk)
                )
            yield language_pb2.RunPluginResponse(exitcode=process.wait())
        finally:
            self._plugins.stop(process)

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """Nothing to do: the locked environment that runs the host runs everything."""
        return iter(())

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802
        installed = sorted((found.name, found.version) for found in importlib.metadata.distributions())
        dependencies = [language_pb2.DependencyInfo(name=name, version=version) for name, version in installed]
        return language_pb2.GetProgramDependenciesResponse(dependencies=dependencies)

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._plugins.stop_all()
        return Empty()


def _output_of(process: subprocess.Popen[bytes]) -> Iterator[tuple[str, bytes]]:
    """("stdout" or "stderr", bytes) as they come, until both streams have ended."""
    chunks: queue.Queue[tuple[str, bytes]] = queue.Queue()

    def forward(name: str, stream: IO[bytes]) -> None:
        with stream:
            while chunk := os.read(stream.fileno(), 65536):
                chunks.put((name, chunk))
        chunks.put((name, b""))

    streams = {"stdout": process.stdout, "stderr": process.stderr}
    for name, stream in streams.items():
        if stream is not None:
            threading.Thread(target=forward, args=(name, stream), daemon=True).start()
    open_streams = len(streams)
    while open_streams:
        name, chunk = chunks.get()
        if chunk:
            yield name, chunk
        else:
            open_streams -= 1


def serve(engine_address: str) -> int:
    """Serve until a signal or the end of the parent process; returns the exit code."""
    parent = os.getppid()
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    plugins = Plugins()
    options = [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES), ("grpc.max_send_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(max_workers=WORKERS), options=options)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(engine_address, plugins), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    # A parent that dies hands us to another process; polling works on Linux and macOS alike, whereas Linux's
    # parent-death signal is tied to the engine's thread and would come too early.
    while os.getppid() == parent and not stopped.is_set():
        time.sleep(PARENT_CHECK_SECONDS)
    plugins.stop_all()
    server.stop(grace=0)
    return 0


def main() -> None:
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    code = serve(addresses[-1] if addresses else "")
    sys.stdout.flush()
    # A program may have left threads behind; the engine has already closed the conversation.
    os._exit(code)


if __name__ == "__main__":
    main()
