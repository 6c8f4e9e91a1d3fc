"""What one run said: a file that cannot fill the disk, and the step that failed."""

import re
from collections import deque
from collections.abc import Iterable
from pathlib import Path

HEAD_BYTES = 8 * 1024 * 1024
TAIL_LINES = 500
KEPT_RUNS = 50

# act's own line: "[ci/check]   ❌  Failure - Main unit tests [1.9ms]"
FAILED_STEP = re.compile(rb"^\[([^\]]+)\]\s+\xe2\x9d\x8c\s+Failure - (?:Main )?(.+?)(?: \[[\d.a-z\xc2\xb5]+\])?\s*$")


def write_log(lines: Iterable[bytes], path: Path) -> str | None:
    """Write the beginning and the end of `lines`; returns "job: step" of the first step that failed."""
    failed: str | None = None
    written = 0
    left_out = 0
    tail: deque[bytes] = deque(maxlen=TAIL_LINES)
    with path.open("ab", buffering=0) as log:
        for line in lines:
            if failed is None and (match := FAILED_STEP.match(line)):
                failed = b": ".join(match.groups()).decode(errors="replace")
            if written < HEAD_BYTES:
                written += log.write(line)
                continue
            left_out += 1
            tail.append(line)
        if left_out > len(tail):
            log.write(b"... %d lines are left out ...\n" % (left_out - len(tail)))
        log.writelines(tail)
    return failed


def forget_old_logs(folder: Path) -> None:
    """Keep the newest runs' logs."""
    logs = sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime_ns)
    for path in logs[:-KEPT_RUNS]:
        path.unlink(missing_ok=True)
