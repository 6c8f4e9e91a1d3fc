"""Reads source files in pieces, and lays the pieces out by month: a file may be larger than memory."""

import io
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from infra.contracts.errors import HighwayError
from pipelines.flights.data.merge import SOURCE
from pipelines.flights.data.raw import KINDS
from pipelines.flights.data.sources import CheckedStream, SourceFile, open_source
from pipelines.storage import Folder

_BLOCK_BYTES = 4 * 1024 * 1024
_SCRATCH = pa.ipc.IpcWriteOptions(compression="lz4")


class BadSourceError(HighwayError):
    """A source file cannot be taken; the message names it and says why."""

    def __init__(self, file: SourceFile, reason: str) -> None:
        mend = "mend it or move it out of the landing folder, then train again" if file.is_delivery else "reinstall it"
        super().__init__(f"{file.name}: {reason}; {mend}")


def read_source(places: dict[str, Folder], file: SourceFile) -> Iterator[pa.RecordBatch]:
    """The rows of a file with the columns and types of its kind, once. Only when the iterator has ended is it sure
    that the file was whole and the one of the manifest. Raises `BadSourceError`."""
    try:
        with open_source(places, file.name) as stream:
            yield from _rows(_unpacked(stream) if file.name.endswith(".zip") else stream, file)
            stream.read()  # what a reader left unread counts as well
            if stream.sha256 != file.sha256:
                raise BadSourceError(file, "it has changed since it was discovered")
            if file.is_delivery and stream.last_byte != b"\n":
                raise BadSourceError(file, "its last line has no end, so it was cut")
    except FileNotFoundError as error:
        raise BadSourceError(file, "it is gone since it was discovered") from error
    except (pa.ArrowInvalid, UnicodeDecodeError, zipfile.BadZipFile) as error:
        raise BadSourceError(file, f"it cannot be read as CSV: {str(error).splitlines()[0]}") from error


def _unpacked(stream: CheckedStream) -> IO[bytes]:
    archive = zipfile.ZipFile(io.BytesIO(stream.read()))
    return archive.open(archive.namelist()[0])


def _rows(stream: Any, file: SourceFile) -> Iterator[pa.RecordBatch]:
    types = KINDS[file.kind].types
    reader = pacsv.open_csv(
        pa.PythonFile(stream, mode="r"),
        read_options=pacsv.ReadOptions(block_size=_BLOCK_BYTES),
        convert_options=pacsv.ConvertOptions(column_types=types, null_values=["", "NA"], strings_can_be_null=True),
    )
    names = reader.schema.names
    if sorted(names) != sorted(types):
        wrong = [f"no column {name}" for name in types if name not in names]
        wrong += [f"unknown column {name}" for name in names if name not in types or names.count(name) > 1]
        raise BadSourceError(file, ", ".join(wrong))
    for batch in reader:
        if batch["year"].null_count or batch["month"].null_count:
            raise BadSourceError(file, "a row has no year or no month")
        yield batch.select(list(types))


class Spool:
    """Rows of one kind on disk by month, with the number of the file that each is from. A context manager."""

    def __init__(self, kind: str, months: list[str]) -> None:
        self._schema = KINDS[kind].schema.append(pa.field(SOURCE, pa.int32()))
        self._wanted = {int(month[:4]) * 12 + int(month[5:]) - 1: month for month in months}
        self._held = ExitStack()
        self._folder = Path(self._held.enter_context(tempfile.TemporaryDirectory()))
        self._writers: dict[str, pa.ipc.RecordBatchStreamWriter] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._held.close()

    def add(self, batch: pa.RecordBatch, source: int) -> int:
        """Returns how many rows are of none of the months; those are left out."""
        number = pc.add(pc.multiply(pc.cast(batch["year"], pa.int32()), 12), pc.subtract(batch["month"], 1))
        numbered = batch.append_column(SOURCE, pa.repeat(pa.scalar(source, pa.int32()), batch.num_rows))
        left_out = int(batch.num_rows)
        for each in pc.unique(number).to_pylist():
            if month := self._wanted.get(each):
                part = numbered.filter(pc.equal(number, each))
                self._writer(month).write_batch(part)
                left_out -= part.num_rows
        return left_out

    def take(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """The months that there are rows of, in order; each is read when it is its turn. Ends the adding."""
        for writer in self._writers.values():
            writer.close()
        for month in sorted(self._writers):
            with pa.OSFile(str(self._folder / month)) as stream, pa.ipc.open_stream(stream) as reader:
                frame = pl.from_arrow(reader.read_all())
            assert isinstance(frame, pl.DataFrame)
            yield month, frame

    def _writer(self, month: str) -> pa.ipc.RecordBatchStreamWriter:
        if month not in self._writers:
            sink = self._held.enter_context(pa.OSFile(str(self._folder / month), "wb"))
            writer = self._held.enter_context(pa.ipc.new_stream(sink, self._schema, options=_SCRATCH))
            self._writers[month] = writer
        return self._writers[month]
