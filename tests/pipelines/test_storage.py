"""Folders behind URIs."""

from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.storage import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.at((tmp_path / "a folder with spaces").as_uri())


def test_what_is_written_is_read(folder: Folder) -> None:
    table = pa.table({"a": [1, None], "b": ["x", "ü"]})
    folder.write_table("deep/down/t.parquet", table)
    folder.write_json("facts.json", {"b": 1, "a": [1.5]})
    assert folder.read_table("deep/down/t.parquet").equals(table)
    assert folder.read_table("deep/down/t.parquet", ["b"]).column_names == ["b"]
    assert folder.read_json("facts.json") == {"b": 1, "a": [1.5]}


def test_the_same_facts_are_the_same_bytes(folder: Folder) -> None:
    folder.write_json("one.json", {"a": 1, "b": 2})
    folder.write_json("two.json", {"b": 2, "a": 1})
    assert folder.read_bytes("one.json") == folder.read_bytes("two.json")


def test_names_are_in_order_and_of_files_only(folder: Folder) -> None:
    for name in ("b.parquet", "a.parquet", "c.json", "d/e.parquet"):
        folder.write_bytes(name, b"x")
    assert folder.names(suffix=".parquet") == ["a.parquet", "b.parquet"]
    assert folder.names("nothing here") == []


def test_a_cut_table_is_no_table(folder: Folder) -> None:
    folder.write_table("t.parquet", pa.table({"a": list(range(1000))}))
    folder.write_bytes("t.parquet", folder.read_bytes("t.parquet")[:-20])
    with pytest.raises(pa.ArrowInvalid):
        folder.read_table("t.parquet")


def test_a_person_finds_a_file_by_its_uri(folder: Folder) -> None:
    folder.write_bytes("down/report.md", b"x")
    assert folder.has("down/report.md")
    assert not folder.has("down/other.md")
    assert not folder.has("down")
    assert Path(folder.uri("down/report.md").removeprefix("file://")).read_bytes() == b"x"
    with folder.open("down/report.md") as stream:
        assert stream.read() == b"x"
