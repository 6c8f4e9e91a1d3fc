"""What differs between two folders, in words that lead to the cause."""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from infra.contracts.workload import Strict

SHOWN = 5  # columns or keys of one file; the rest is counted


class Difference(Strict):
    """One file that is not the same."""

    file: str
    kind: Literal["changed", "missing", "added"]
    detail: str


def differences(recorded: Path, reproduced: Path) -> list[Difference]:
    """Of all files, in order; empty when both folders hold the same bytes under the same names."""
    before, after = _files(recorded), _files(reproduced)
    return [each for name in sorted(before | after) if (each := _difference(name, before.get(name), after.get(name)))]


def _files(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def _difference(name: str, before: Path | None, after: Path | None) -> Difference | None:
    if after is None:
        return Difference(file=name, kind="missing", detail="recorded, and not made again")
    if before is None:
        return Difference(file=name, kind="added", detail="made, and not recorded")
    old, new = before.read_bytes(), after.read_bytes()
    if old == new:
        return None
    return Difference(file=name, kind="changed", detail=_READERS.get(before.suffix, _of_bytes)(old, new))


def _of_bytes(old: bytes, new: bytes) -> str:
    at = next((index for index, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    sizes = f"{len(old):,} bytes" if len(old) == len(new) else f"{len(old):,} bytes, now {len(new):,}"
    return f"{sizes}; the first that differs is at {at:,}"


def _of_json(old: bytes, new: bytes) -> str:
    try:
        before, after = dict(_leaves(json.loads(old))), dict(_leaves(json.loads(new)))
    except ValueError:
        return f"no JSON; {_of_bytes(old, new)}"
    gone, absent = object(), object()
    changed = [
        f"{key}: {_value(before, key)}, now {_value(after, key)}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key, gone) != after.get(key, absent)
    ]
    return _few(changed) if changed else "the same values, written otherwise"


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Dotted path and value of all that is no container; an empty container counts as a value."""
    members: list[tuple[object, object]] = []
    if isinstance(value, dict):
        members = list(value.items())
    elif isinstance(value, list):
        members = list(enumerate(value))
    if not members:
        yield path or "the whole", value
    for key, member in members:
        yield from _leaves(member, f"{path}.{key}" if path else str(key))


def _value(leaves: dict[str, object], key: str) -> str:
    return json.dumps(leaves[key])[:60] if key in leaves else "absent"


def _of_parquet(old: bytes, new: bytes) -> str:
    try:
        before, after = pq.read_table(pa.BufferReader(old)), pq.read_table(pa.BufferReader(new))
    except pa.ArrowInvalid:
        return f"no whole Parquet file; {_of_bytes(old, new)}"
    found = [f"column {name} is gone" for name in before.column_names if name not in after.column_names]
    found += [f"column {name} is new" for name in after.column_names if name not in before.column_names]
    if before.num_rows != after.num_rows:
        found.append(f"{before.num_rows:,} rows, now {after.num_rows:,}")
    for name in (name for name in before.column_names if name in after.column_names):
        left, right = before[name], after[name]
        if left.type != right.type:
            found.append(f"column {name} is {left.type}, now {right.type}")
        elif len(left) == len(right) and (rows := _rows_that_differ(left, right)):
            found.append(f"column {name} differs in {rows:,} of {len(left):,} rows")
    return _few(found) if found else "the same rows, written otherwise"


def _rows_that_differ(left: pa.ChunkedArray, right: pa.ChunkedArray) -> int:
    """Two missing values are the same, and two that are not a number."""
    same = pc.fill_null(pc.equal(left, right), False)
    both_absent = pc.and_(pc.is_null(left, nan_is_null=True), pc.is_null(right, nan_is_null=True))
    return len(left) - int(pc.sum(pc.or_(same, both_absent)).as_py() or 0)


def _few(found: list[str]) -> str:
    more = len(found) - SHOWN
    return "; ".join(islice(found, SHOWN)) + (f"; and {more} more" if more > 0 else "")


_READERS: dict[str, Callable[[bytes, bytes], str]] = {".json": _of_json, ".parquet": _of_parquet}
