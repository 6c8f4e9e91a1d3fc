"""What a step knows of the run that it is part of."""

import os
import sys
from collections.abc import Callable
from typing import NoReturn

from infra.contracts.errors import HighwayError
from infra.contracts.pipelines import input_digest_variable, input_variable, output_variable
from pipelines.storage import Folder


def variable(name: str) -> str:
    """Ends the step with one line when `name` is not set."""
    value = os.environ.get(name)
    if not value:
        fail(f"{name} is not set: a step runs as part of a pipeline; start it with `highway train`")
    return value


def read_from(artifact: str) -> Folder:
    return Folder.at(variable(input_variable(artifact)))


def digest_of(artifact: str) -> str:
    return variable(input_digest_variable(artifact))


def write_to(artifact: str) -> Folder:
    return Folder.at(variable(output_variable(artifact)))


def run(main: Callable[[], None]) -> None:
    """A step's last line: what a person can mend ends it with one line and without a traceback."""
    try:
        main()
    except HighwayError as error:
        fail(str(error))


def fail(message: str) -> NoReturn:
    """End the step as failed, with `message` as the last thing in its log."""
    print(message, file=sys.stderr)
    raise SystemExit(1)
