"""What a notebook's feature must be, and what the test of it holds."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.feature_tests.notebook import FeatureError, check, load, name_of, source_of
from pipelines.feature_tests.rows import choose, columns_used
from pipelines.feature_tests.text import render

ROWS = pl.DataFrame(
    {
        "carrier": ["AA", "UA", "B6"] * 40,
        "temperature_f": [float(number) for number in range(119)] + [None],
        "wind_speed_mph": [None, *map(float, range(119))],
        "hour": list(range(120)),
    }
)


def notebook(folder: Path, *cells: str, tag: int | None = -1) -> Path:
    written = [{"cell_type": "code", "source": cell.splitlines(keepends=True), "metadata": {}} for cell in cells]
    if tag is not None:
        written[tag]["metadata"] = {"tags": ["feature"]}
    path = folder / "explore.ipynb"
    path.write_text(json.dumps({"cells": written}))
    return path


def doubled(frame: pl.DataFrame) -> pl.Series:
    return frame["temperature_f"] * 2


def test_the_function_of_the_tagged_cell_is_loaded_with_the_imports_of_the_others(tmp_path: Path) -> None:
    path = notebook(
        tmp_path,
        "import polars as pl\n1 / 0",
        "!ls",
        "def twice(frame: pl.DataFrame) -> pl.Series:\n    return frame['hour'] * 2",
    )
    source = source_of(path)
    assert name_of(source) == "twice"
    assert load(source, "twice")(ROWS)[1] == 2


@pytest.mark.parametrize(
    ("cells", "tag", "why"),
    [
        (["x = 1"], None, "has 0 cells with the tag 'feature'"),
        (["x = 1"], -1, "must define one public function, and has none"),
        (["def a(): ...\ndef b(): ..."], -1, "and has a, b"),
        (["def _hidden(): ..."], -1, "and has _hidden"),
        (["%timeit x"], -1, "no plain Python"),
    ],
)
def test_a_notebook_without_a_feature_is_refused(tmp_path: Path, cells: list[str], tag: int | None, why: str) -> None:
    with pytest.raises(FeatureError, match=why):
        name_of(source_of(notebook(tmp_path, *cells, tag=tag)))


@pytest.mark.parametrize(
    ("content", "why"), [(None, "there is no notebook"), ("[]", "no Jupyter"), ("{", "no Jupyter")]
)
def test_what_is_no_notebook_is_refused(tmp_path: Path, content: str | None, why: str) -> None:
    path = tmp_path / "x.ipynb"
    if content:
        path.write_text(content)
    with pytest.raises(FeatureError, match=why):
        source_of(path)


CALLS = iter(range(1000))


def changing(frame: pl.DataFrame) -> pl.Series:
    frame.insert_column(0, pl.lit(1).alias("new"))
    return frame["hour"]


IMPURE: dict[str, tuple[Callable[[pl.DataFrame], object], str]] = {
    "the mean of all rows": (lambda frame: frame["hour"] - frame["hour"].mean(), "other rows are beside them"),
    "the row before": (lambda frame: frame["hour"].shift(1), "the rows are in another order"),
    "chance": (lambda frame: frame["hour"] + next(CALLS), "it is called again"),
    "a changed frame": (changing, "changes the frame"),
    "one value": (lambda frame: frame["hour"].max(), "one value a row; it gave int"),
    "too few values": (lambda frame: frame["hour"].head(3), "one value a row; it gave Series"),
    "the label": (lambda frame: frame["late"], "fails on rows of the run: ColumnNotFoundError"),
}


@pytest.mark.parametrize("case", IMPURE)
def test_a_feature_depends_on_its_own_row_alone(case: str) -> None:
    feature, why = IMPURE[case]
    with pytest.raises(FeatureError, match=why):
        check(feature, "feature", ROWS.clone())  # type: ignore[arg-type]  # wrong on purpose


def test_a_pure_feature_passes() -> None:
    check(doubled, "doubled", ROWS)


def test_the_columns_that_count_are_found() -> None:
    assert columns_used(doubled, ROWS) == ["temperature_f"]
    both = columns_used(lambda frame: frame["temperature_f"] + frame["wind_speed_mph"], ROWS)
    assert both == ["temperature_f", "wind_speed_mph"]


def test_chosen_rows_hold_the_edges_and_what_is_missing() -> None:
    chosen = choose(ROWS, ["temperature_f", "wind_speed_mph"], seed=1)
    assert 10 <= len(chosen) <= 20
    assert (chosen["temperature_f"].min(), chosen["temperature_f"].max()) == (0, 118)
    assert chosen.filter(pl.all_horizontal(pl.all().is_null())).height == 1
    assert_frame_equal(chosen, choose(ROWS, ["temperature_f", "wind_speed_mph"], seed=1))


def test_the_written_test_says_what_the_rows_were() -> None:
    rows = pl.DataFrame({"carrier": ['A"A', None], "at": [None, "2013-01-01 05:15"]}).with_columns(
        pl.col("at").str.to_datetime(time_unit="ms", time_zone="UTC")
    )
    text = render(name="f", notebook="n.ipynb", run_id="r", rows=rows, values=pl.Series([1.5, float("inf")]))
    namespace: dict[str, object] = {}
    exec(compile(text, "test_f.py", "exec"), namespace)
    assert_frame_equal(namespace["ROWS"], rows)  # type: ignore[arg-type]  # found by its name
    assert "found in n.ipynb.\n\nWritten by `highway feature` from rows of run r." in text
