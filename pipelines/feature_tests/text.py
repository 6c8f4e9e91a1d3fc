"""The text of a test that holds a function of the features step to values found in a notebook."""

import json
import math
from datetime import datetime

import polars as pl

TEMPLATE = '''\
"""`{name}`, as it was found in {notebook}.

Written by `highway feature` from rows of run {run_id}.
"""

{imports}import polars as pl
from polars.testing import assert_series_equal

from pipelines.flights.data import features

ROWS = pl.DataFrame(
    [
{rows}
    ],
    schema={{
{schema}
    }},
    orient="row",
)
VALUES = pl.Series(
    [
{values}
    ],
    dtype={dtype},
)


def test_{name}_gives_what_the_notebook_gave() -> None:
    feature = getattr(features, "{name}", None)
    assert feature, "the features step has no function {name} yet; take it over from {notebook}"
    assert_series_equal(feature(ROWS), VALUES, check_names=False, rel_tol=1e-9)
'''


def render(*, name: str, notebook: str, run_id: str, rows: pl.DataFrame, values: pl.Series) -> str:
    """As the formatter would write it."""
    has_times = any(isinstance(dtype, pl.Datetime) for dtype in rows.dtypes)
    return TEMPLATE.format(
        name=name,
        notebook=notebook,
        run_id=run_id,
        imports="from datetime import UTC, datetime\n\n" if has_times else "",
        rows="\n".join(f"        ({_row(row)})," for row in rows.iter_rows()),
        schema="\n".join(f'        "{column}": {_dtype(dtype)},' for column, dtype in rows.schema.items()),
        values="\n".join(f"        {_literal(value)}," for value in values),
        dtype=_dtype(values.dtype),
    )


def _row(row: tuple[object, ...]) -> str:
    return ", ".join(map(_literal, row)) + ("," if len(row) == 1 else "")


def _literal(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, datetime):
        # Timetables and readings are to the minute, in UTC.
        return f"datetime({value.year}, {value.month}, {value.day}, {value.hour}, {value.minute}, tzinfo=UTC)"
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _dtype(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Datetime):
        return f'pl.Datetime("{dtype.time_unit}", "{dtype.time_zone}")'
    return f"pl.{dtype}"
