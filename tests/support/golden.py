"""Golden files: the whole rendered result, reviewed like code."""

import difflib
import os
from pathlib import Path

UPDATE_VARIABLE = "HIGHWAY_UPDATE_GOLDEN"


def assert_golden(actual: str, path: Path) -> None:
    """Fails with the diff and the command that accepts it."""
    if os.environ.get(UPDATE_VARIABLE) == "1":
        path.write_text(actual)
    expected = path.read_text() if path.exists() else ""
    if actual != expected:
        diff = "".join(
            difflib.unified_diff(expected.splitlines(True), actual.splitlines(True), path.name, "rendered now")
        )
        test = os.environ["PYTEST_CURRENT_TEST"].split("::")[0]
        raise AssertionError(f"{diff}\nIf this is what you want: {UPDATE_VARIABLE}=1 pytest {test}")
