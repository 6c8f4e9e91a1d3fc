"""Asking a tool for its version."""

import os
import re
import subprocess
from pathlib import Path

from infra.toolchain.sources import Tool, Version

ANSWER_SECONDS = 30
NUMBER = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


def ask(executable: Path, tool: Tool) -> Version | None:
    """The version that `executable` says it has; None when it does not run here or says none."""
    quiet = {"PULUMI_SKIP_UPDATE_CHECK": "true", "DO_NOT_TRACK": "1", "GOTOOLCHAIN": "local"}
    try:
        answer = subprocess.run(
            [executable, *tool.version_arguments],
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **quiet},
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    # Some tools answer on stderr; others warn there, so stdout is read first.
    found = NUMBER.search(answer.stdout) or NUMBER.search(answer.stderr)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def text(version: Version) -> str:
    return ".".join(map(str, version))
