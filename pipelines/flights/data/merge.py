"""Rows of many files made one table, so that neither the files' order nor repetition makes a difference.

A row that is there already is dropped. A row whose key is there may complete what was missing (the arrival of a
flight that was still under way), and never changes what is known: two different values contradict each other, and
then all rows of that key are kept, which the contract on unique keys refuses. Nobody guesses which one is right.
"""

from collections import Counter
from dataclasses import dataclass

import polars as pl

SOURCE = "_source"  # column: number of the file that a row is from
_PLACE, _AGREES = "_place", "_agrees"


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """Two or more values of `column` for one key, and the files (by number) that say so."""

    key: dict[str, object]
    column: str
    values: tuple[object, ...]
    sources: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Merged:
    """`table` is in the order of its key. The counts are by file; a file's rows are the sum of its counts."""

    table: pl.DataFrame
    new: Counter[int]
    repeated: Counter[int]
    completing: Counter[int]
    contradicting: Counter[int]
    contradictions: tuple[Contradiction, ...]


def merge(rows: pl.DataFrame, key: tuple[str, ...]) -> Merged:
    """`rows` are of one partition: the columns of raw data, and `SOURCE`."""
    columns = [name for name in rows.columns if name != SOURCE]
    others = [name for name in columns if name not in key]
    distinct = rows.sort(SOURCE, maintain_order=True).unique(subset=columns, keep="first", maintain_order=True)
    is_shared = distinct.select(key).is_duplicated()
    alone, shared = distinct.filter(~is_shared), distinct.filter(is_shared)
    values = (pl.col(name).drop_nulls().n_unique().over(key) for name in others)
    judged = shared.with_columns(
        pl.int_range(pl.len()).over(key).alias(_PLACE), pl.all_horizontal(value <= 1 for value in values).alias(_AGREES)
    )
    agreeing, against = judged.filter(_AGREES), judged.filter(~pl.col(_AGREES))
    completed = agreeing.group_by(key).agg(pl.col(name).drop_nulls().first() for name in others)
    later = pl.col(_PLACE) > 0
    return Merged(
        table=pl.concat(part.select(columns) for part in (alone, completed, against)).sort(
            [*key, *others], nulls_last=True
        ),
        new=_by_source(alone) + _by_source(judged.filter(~later)),
        repeated=_by_source(rows) - _by_source(distinct),
        completing=_by_source(agreeing.filter(later)),
        contradicting=_by_source(against.filter(later)),
        contradictions=tuple(_contradictions(against, key, others)),
    )


def _by_source(rows: pl.DataFrame) -> Counter[int]:
    return Counter(rows[SOURCE].to_list())


def _contradictions(against: pl.DataFrame, key: tuple[str, ...], others: list[str]) -> list[Contradiction]:
    found = []
    for rows in against.sort([*key, SOURCE]).partition_by(key, maintain_order=True):
        for column in others:
            known = rows.drop_nulls(column)
            if known[column].n_unique() > 1:
                found.append(
                    Contradiction(
                        key=dict(zip(key, rows.select(key).row(0), strict=True)),
                        column=column,
                        values=tuple(known[column].unique(maintain_order=True)),
                        sources=tuple(known[SOURCE].unique(maintain_order=True)),
                    )
                )
    return found
