"""The feature of a notebook: found by its cell's tag, loaded, and held to being a function of its row alone."""

import ast
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
from polars.testing import assert_series_equal

from infra.contracts.errors import HighwayError

TAG = "feature"

Feature = Callable[[pl.DataFrame], pl.Series]


class FeatureError(HighwayError):
    """The notebook has no feature that a step could have; the message says why."""


def source_of(notebook: Path) -> str:
    """The cell with the tag, below what the notebook imports. Raises `FeatureError`."""
    try:
        cells = json.loads(notebook.read_bytes())["cells"]
        tagged = ["".join(cell["source"]) for cell in cells if TAG in cell["metadata"].get("tags", [])]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except FileNotFoundError as error:
        raise FeatureError(f"there is no notebook {notebook}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise FeatureError(f"{notebook} is no Jupyter notebook") from error
    if len(tagged) != 1:
        raise FeatureError(f"{notebook.name} has {len(tagged)} cells with the tag {TAG!r}; give it to exactly one")
    statements = [node for cell in code for node in _parsed(cell)]
    imports = [ast.unparse(node) for node in statements if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join([*dict.fromkeys(imports), tagged[0]])


def _parsed(cell: str) -> list[ast.stmt]:
    """Statements of a cell; none of one that is no plain Python, such as a shell command."""
    try:
        return ast.parse(cell).body
    except SyntaxError:
        return []


def name_of(source: str) -> str:
    """Of the one function that it defines. Raises `FeatureError`."""
    try:
        names = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    except SyntaxError as error:
        raise FeatureError(f"the cell {TAG!r} is no plain Python: {error}") from error
    if len(names) != 1 or names[0].startswith("_"):
        raise FeatureError(f"the cell {TAG!r} must define one public function, and has {', '.join(names) or 'none'}")
    return names[0]


def load(source: str, name: str) -> Feature:
    """Runs the imports and the definition: the notebook is the caller's own code."""
    namespace: dict[str, Feature] = {}
    exec(compile(source, f"<cell {TAG}>", "exec"), namespace)  # noqa: S102 - as opening the notebook would
    return namespace[name]


def check(feature: Feature, name: str, rows: pl.DataFrame) -> None:
    """Raises `FeatureError` unless it gives each row a value that depends on that row alone."""
    given, half = rows.clone(), len(rows) // 2
    values = _values(feature, name, rows)
    if not rows.equals(given):
        raise FeatureError(f"{name} changes the frame that it is given; compute from it instead")
    ways = {
        "it is called again": (rows, values),
        "the rows are in another order": (rows.reverse(), values.reverse()),
        "other rows are beside them": (rows.head(half), values.head(half)),
    }
    for when, (asked, expected) in ways.items():
        try:
            assert_series_equal(_values(feature, name, asked), expected, check_names=False)
        except AssertionError as error:
            raise FeatureError(f"{name} gives other values when {when}; it may look at its own row alone") from error


def _values(feature: Feature, name: str, rows: pl.DataFrame) -> pl.Series:
    try:
        values = feature(rows)
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).splitlines()[0]}" if str(error) else type(error).__name__
        raise FeatureError(f"{name} fails on rows of the run: {reason}") from error
    if not isinstance(values, pl.Series) or len(values) != len(rows):
        raise FeatureError(f"{name} must give a polars Series, one value a row; it gave {type(values).__name__}")
    return values
