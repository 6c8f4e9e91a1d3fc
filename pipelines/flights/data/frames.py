"""Tables of an artifact as Polars frames."""

import polars as pl
import pyarrow as pa

from pipelines.storage import Folder


def read_frame(folder: Folder, name: str, columns: list[str] | None = None) -> pl.DataFrame:
    """Raises `pyarrow.ArrowInvalid` when the file is no whole Parquet file."""
    frame = pl.from_arrow(folder.read_table(name, columns))
    assert isinstance(frame, pl.DataFrame)
    return frame


def write_frame(folder: Folder, name: str, frame: pl.DataFrame, schema: pa.Schema) -> None:
    """With the types of `schema`, whatever Polars calls them, so that the same values are the same bytes."""
    table = frame.select(schema.names).to_arrow(compat_level=pl.CompatLevel.oldest())
    folder.write_table(name, table.cast(schema).combine_chunks())
