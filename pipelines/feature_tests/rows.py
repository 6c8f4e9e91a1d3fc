"""A few real rows that show what a function of rows does: ordinary ones, and each column at its edges."""

from collections.abc import Callable

import polars as pl
from polars.testing import assert_series_equal

ORDINARY = 10


def columns_used(feature: Callable[[pl.DataFrame], pl.Series], rows: pl.DataFrame) -> list[str]:
    """The columns without which `feature` fails or gives something else; so the test needs no others."""
    expected = feature(rows)
    return [name for name in rows.columns if not _is_indifferent(feature, rows, name, expected)]


def _is_indifferent(
    feature: Callable[[pl.DataFrame], pl.Series], rows: pl.DataFrame, name: str, expected: pl.Series
) -> bool:
    try:
        assert_series_equal(feature(rows.drop(name)), expected, check_exact=True)
    except Exception:  # whatever it says: it asked for the column
        return False
    return True


def choose(rows: pl.DataFrame, columns: list[str], seed: int) -> pl.DataFrame:
    """Of `columns`: the rows that hold the least and the greatest of each, one without each where one can be missing,
    one without any, and `ORDINARY` others."""
    known = rows.select(columns)
    edges = [_row_of(known, name, extreme) for name in columns for extreme in (pl.col(name).min(), pl.col(name).max())]
    optional = [name for name in columns if known[name].null_count()]
    missing = [known.head(1).with_columns(_absent(known, [name])) for name in optional]
    if len(optional) > 1:
        missing.append(known.head(1).with_columns(_absent(known, optional)))
    return pl.concat([known.sample(ORDINARY, seed=seed), *edges, *missing]).unique(maintain_order=True)


def _row_of(rows: pl.DataFrame, name: str, extreme: pl.Expr) -> pl.DataFrame:
    return rows.filter(pl.col(name) == extreme).head(1)


def _absent(rows: pl.DataFrame, names: list[str]) -> list[pl.Expr]:
    return [pl.lit(None, dtype=rows.schema[name]).alias(name) for name in names]
