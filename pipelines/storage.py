"""Folders behind URIs: a step reads and writes them the same way on a disk and in an object store."""

import json
import posixpath
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq


@dataclass(frozen=True)
class Folder:
    """A folder of one file system. Names are relative posix paths; folders in between are made when written to."""

    filesystem: pafs.FileSystem
    path: str

    @classmethod
    def at(cls, uri: str) -> "Folder":
        """`file://`, `s3://` and whatever else pyarrow knows. Raises `pyarrow.ArrowInvalid` for what it does not."""
        return cls(*pafs.FileSystem.from_uri(uri))

    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return bool(self.filesystem.get_file_info(self._full(name)).is_file)

    def uri(self, name: str) -> str:
        """Where a person finds a file."""
        prefix = "file" if self.filesystem.type_name == "local" else self.filesystem.type_name
        return f"{prefix}://{self._full(name)}"

    def names(self, below: str = "", suffix: str = "") -> list[str]:
        """Of the files in `below`, without it, in order."""
        selector = pafs.FileSelector(self._full(below), allow_not_found=True)
        found = self.filesystem.get_file_info(selector)
        return sorted(str(info.base_name) for info in found if info.is_file and info.base_name.endswith(suffix))

    def open(self, name: str) -> pa.NativeFile:
        """For reading from beginning to end. Raises `FileNotFoundError`."""
        return self.filesystem.open_input_stream(self._full(name))

    def read_bytes(self, name: str) -> bytes:
        with self.open(name) as stream:
            return bytes(stream.read())

    def write_bytes(self, name: str, content: bytes) -> None:
        full = self._full(name)
        self.filesystem.create_dir(posixpath.dirname(full), recursive=True)
        with self.filesystem.open_output_stream(full) as stream:
            stream.write(content)

    def read_json(self, name: str) -> Any:
        return json.loads(self.read_bytes(name))

    def write_json(self, name: str, value: object) -> None:
        # Sorted, so that the same facts are the same bytes and the same digest.
        self.write_bytes(name, (json.dumps(value, indent=1, sort_keys=True) + "\n").encode())

    def read_table(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """Raises `pyarrow.ArrowInvalid` when the file is no whole Parquet file."""
        with self.filesystem.open_input_file(self._full(name)) as stream:
            return pq.read_table(stream, columns=columns)

    def write_table(self, name: str, table: pa.Table) -> None:
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        self.write_bytes(name, sink.getvalue().to_pybytes())

    def _full(self, name: str) -> str:
        return posixpath.join(self.path, name) if name else self.path
