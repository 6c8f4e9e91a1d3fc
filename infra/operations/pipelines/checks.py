"""What a step checked, as it wrote it down beside what it made."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from infra.contracts.errors import HighwayError
from infra.contracts.pipelines import CHECKS, CHECKS_FILE, Check


class ChecksError(HighwayError):
    """A step's file of checks cannot be read."""


def read_checks(staged: Mapping[str, Path]) -> tuple[Check, ...]:
    """Of all outputs of one attempt, each at `staged[output]`; none if it wrote no such file. Raises `ChecksError`."""
    checks: list[Check] = []
    for output, folder in staged.items():
        file = folder / CHECKS_FILE
        try:
            checks += CHECKS.validate_json(file.read_bytes())
        except FileNotFoundError:
            continue
        except ValidationError as error:
            fault = error.errors()[0]
            where = "".join(f" at {part}" for part in fault["loc"])
            raise ChecksError(
                f"the {CHECKS_FILE} of its output {output} is no list of checks:{where} {fault['msg']}"
            ) from error
    counted = Counter(check.name for check in checks)
    if repeated := [name for name, count in counted.items() if count > 1]:
        raise ChecksError(f"its checks repeat: {', '.join(repeated)}; each needs a name of its own")
    return tuple(checks)
