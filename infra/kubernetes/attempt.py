"""One attempt of a pipeline's step, inside its pod: what the contract promises and a workflow engine does not know.

    python -m infra.kubernetes.attempt --input raw --output features -- COMMAND...

The engine only moves folders. Here the command learns the digests of its inputs; its outputs are published, by a
rename, once it has ended with code 0 and none of them is empty. So a failed or killed attempt leaves nothing that
the next attempt, or another step, could take for an output.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.contracts.artifacts import ArtifactError, digest_of_folder
from infra.contracts.pipelines import input_digest_variable

NOT_FOUND = 127  # as a shell says it


@dataclass(frozen=True)
class Layout:
    """Where everything of one attempt lies: a volume of the pod, or a folder."""

    root: Path

    def input(self, artifact: str) -> Path:
        return self.root / "inputs" / artifact

    def output(self, artifact: str) -> Path:
        """What the command writes to."""
        return self.root / "outputs" / artifact

    def published(self, artifact: str) -> Path:
        """What the engine takes away."""
        return self.root / "published" / artifact

    def partitions(self, artifact: str) -> Path:
        """The names of the artifact's partitions as a JSON list."""
        return self.root / "partitions" / f"{artifact}.json"


IN_POD = Layout(Path("/highway"))


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """`partitions` are the outputs that a later step maps over."""

    layout: Layout
    inputs: Sequence[str]
    outputs: Sequence[str]
    partitions: Sequence[str]
    command: Sequence[str]

    def run(self, environment: Mapping[str, str]) -> int:
        """The exit code. Raises `ArtifactError` for an input or output that is no artifact."""
        digests = {input_digest_variable(name): digest_of_folder(self.layout.input(name)) for name in self.inputs}
        for name in self.outputs:
            self.layout.output(name).mkdir(parents=True)
        exit_code = _run(self.command, {**environment, **digests})
        if exit_code == 0:
            self._publish()
        return exit_code

    def _publish(self) -> None:
        for name in self.outputs:
            digest_of_folder(self.layout.output(name))
            if not any(self.layout.output(name).iterdir()):
                raise ArtifactError(f"it wrote nothing to its output {name}")
        for name in self.partitions:
            folders = sorted(path.name for path in self.layout.output(name).iterdir() if path.is_dir())
            if not folders:
                raise ArtifactError(f"its output {name} has no folder, so there is nothing to map over")
            self.layout.partitions(name).parent.mkdir(exist_ok=True)
            self.layout.partitions(name).write_text(json.dumps(folders))
        for name in self.outputs:
            self.layout.published(name).parent.mkdir(exist_ok=True)
            self.layout.output(name).rename(self.layout.published(name))


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """As a shell would tell it: above 128 for a signal."""
    try:
        process = subprocess.Popen(command, env=dict(environment))
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return NOT_FOUND
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: process.send_signal(received))
    exit_code = process.wait()
    return exit_code if exit_code >= 0 else 128 - exit_code


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.kubernetes.attempt", description="one attempt of a step")
    parser.add_argument("--root", type=Path, default=IN_POD.root, help="the folder of the attempt")
    parser.add_argument("--input", action="append", default=[], metavar="ARTIFACT")
    parser.add_argument("--output", action="append", default=[], metavar="ARTIFACT")
    parser.add_argument("--partitions", action="append", default=[], metavar="OUTPUT", help="list its folders")
    parser.add_argument("command", nargs="+")
    given = parser.parse_args(arguments)
    attempt = Attempt(
        layout=Layout(given.root),
        inputs=given.input,
        outputs=given.output,
        partitions=given.partitions,
        command=given.command,
    )
    try:
        return attempt.run(os.environ)
    except (ArtifactError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
