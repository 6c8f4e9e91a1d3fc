"""What differs between two folders is named so that one can go and look."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.operations.reproduction.differences import differences

Write = Callable[[Path], object]


def parquet(columns: dict[str, list[object]]) -> Write:
    return lambda path: pq.write_table(pa.table(columns), path)


def text(value: str) -> Write:
    return lambda path: path.write_text(value)


def pair(folder: Path, name: str, old: Write | None, new: Write | None) -> tuple[Path, Path]:
    for side, write in (("old", old), ("new", new)):
        (folder / side / "in").mkdir(parents=True)
        (folder / side / "in" / "same.txt").write_text("same")
        if write:
            write(folder / side / "in" / name)
    return folder / "old", folder / "new"


ROWS: dict[str, list[object]] = {"delay": [1.0, None, float("nan")], "carrier": ["AA", "UA", None]}
CASES = {
    "a value of a column": (
        "t.parquet", parquet(ROWS), parquet({**ROWS, "delay": [2.0, None, float("nan")]}),
        "changed", "column delay differs in 1 of 3 rows",
    ),
    "a value that went missing": (
        "t.parquet", parquet(ROWS), parquet({**ROWS, "carrier": ["AA", None, None]}),
        "changed", "column carrier differs in 1 of 3 rows",
    ),
    "rows": (
        "t.parquet", parquet({"a": [1, 2, 3]}), parquet({"a": [1, 2]}),
        "changed", "3 rows, now 2",
    ),
    "columns and their types": (
        "t.parquet", parquet({"a": [1], "b": [1], "c": [1]}), parquet({"b": ["1"], "c": [1], "d": [1]}),
        "changed", "column a is gone; column d is new; column b is int64, now string",
    ),
    "only how the rows are written": (
        "t.parquet", parquet({"a": [1, 2]}), lambda path: pq.write_table(pa.table({"a": [1, 2]}), path, version="1.0"),
        "changed", "the same rows, written otherwise",
    ),
    "a Parquet file that was cut": (
        "t.parquet", text("PAR1"), text("PAR"),
        "changed", "no whole Parquet file; 4 bytes, now 3; the first that differs is at 3",
    ),
    "values of JSON": (
        "t.json", text(json.dumps({"a": {"b": [1, 2]}, "c": 1})), text(json.dumps({"a": {"b": [1, 3]}, "d": None})),
        "changed", "a.b.1: 2, now 3; c: 1, now absent; d: absent, now null",
    ),
    "only the spaces of JSON": ("t.json", text("[1]"), text("[ 1 ]"), "changed", "the same values, written otherwise"),
    "what is no JSON": ("t.json", text("{"), text("}"), "changed", "no JSON; 1 bytes; the first that differs is at 0"),
    "bytes": ("t.joblib", text("abc"), text("abd"), "changed", "3 bytes; the first that differs is at 2"),
    "a file that is not made again": ("t.txt", text("x"), None, "missing", "recorded, and not made again"),
    "a file that was not there": ("t.txt", None, text("x"), "added", "made, and not recorded"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_differs_is_named(tmp_path: Path, case: str) -> None:
    name, old, new, kind, detail = CASES[case]
    found = differences(*pair(tmp_path, name, old, new))
    assert [(each.file, each.kind, each.detail) for each in found] == [(f"in/{name}", kind, detail)]


def test_the_same_files_differ_in_nothing(tmp_path: Path) -> None:
    assert differences(*pair(tmp_path, "t.parquet", parquet(ROWS), parquet(ROWS))) == []


def test_many_changes_are_counted(tmp_path: Path) -> None:
    old, new = ({str(number): number + plus for number in range(8)} for plus in (0, 1))
    (found,) = differences(*pair(tmp_path, "t.json", text(json.dumps(old)), text(json.dumps(new))))
    assert found.detail.endswith("4: 4, now 5; and 3 more")
