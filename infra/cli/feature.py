"""`highway feature`: turn a notebook's feature into a test of the pipeline's step, red until the step has it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.console import out
from infra.contracts.errors import HighwayError
from infra.contracts.pipelines import DATA_VARIABLE
from infra.local.home import Home
from infra.local.storage import storage_uri

WRITER = "pipelines.feature_tests"


def command(
    notebook: Annotated[Path, typer.Argument(help="With one cell that has the tag `feature`.")],
    replace: Annotated[bool, typer.Option("--replace", help="Write a test anew that is there already.")] = False,
) -> None:
    """Write the test of a feature that was found in a notebook, from rows of the latest run."""
    home = Home.from_environment()
    words = [sys.executable, "-m", WRITER, str(notebook.absolute()), *(["--replace"] if replace else [])]
    environment = {**os.environ, DATA_VARIABLE: storage_uri(home)}
    # A process of its own: what a pipeline is about is the pipeline's business, and a notebook's code is anybody's.
    wrote = subprocess.run(words, cwd=home.repo, env=environment, capture_output=True, text=True, check=False)
    if wrote.returncode:
        raise HighwayError(wrote.stderr.strip().splitlines()[-1] if wrote.stderr.strip() else f"{WRITER} said nothing")
    path = wrote.stdout.split()[-1]
    out.print(f"wrote {path}; it is red until the step has the function:", highlight=False, markup=False)
    out.print(f"  .highway/venv/bin/pytest {path}", highlight=False, markup=False)
