"""Downloads are resumed, verified, and never used before they are whole."""

import hashlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.toolchain import download
from infra.toolchain.errors import SourceUnavailableError, ToolchainError
from tests.support.file_server import FileServer, serving

CONTENT = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving({"/tool.tar.gz": CONTENT}) as server:
        yield server


def fetch(server: FileServer, folder: Path, digest: str = DIGEST) -> Path:
    return download.fetch(f"{server.url}/tool.tar.gz", folder, digest, "sha256", lambda done, total: None)


def test_what_arrives_is_what_was_published_and_is_fetched_once(server: FileServer, tmp_path: Path) -> None:
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    fetch(server, tmp_path)
    assert len(server.asked) == 1


def test_a_broken_download_goes_on_where_it_stopped(server: FileServer, tmp_path: Path) -> None:
    server.break_off_after = 300_000
    with pytest.raises(SourceUnavailableError, match="broke off after 300000 of 1024000 bytes"):
        fetch(server, tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"], "nothing half-made has the final name"
    server.break_off_after = None
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.asked[-1] == ("/tool.tar.gz", "bytes=300000-")


def test_a_whole_part_that_was_not_yet_renamed_is_used(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / f"{DIGEST[:16]}-tool.tar.gz.part").write_bytes(CONTENT)
    assert fetch(server, tmp_path).read_bytes() == CONTENT


def test_a_spoilt_part_is_thrown_away_and_fetched_anew(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / f"{DIGEST[:16]}-tool.tar.gz.part").write_bytes(b"\0" * 5000)
    assert fetch(server, tmp_path).read_bytes() == CONTENT


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="its publisher says") as caught:
        fetch(server, tmp_path, "ab" * 32)
    assert not isinstance(caught.value, SourceUnavailableError), "no other source may hide it"
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there_is_passed_over_at_once(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(SourceUnavailableError, match="cannot be reached"):
        download.fetch("http://127.0.0.1:9/tool.tar.gz", tmp_path, DIGEST, "sha256", lambda done, total: None)
    assert time.monotonic() - started < 1


def test_a_server_that_hangs_is_passed_over_in_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(download, "CONNECT_SECONDS", 0.2)
    # The listening queue takes the connection; nobody ever answers.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/tool.tar.gz"
        with pytest.raises(SourceUnavailableError, match="does not answer"):
            download.fetch(url, tmp_path, DIGEST, "sha256", lambda done, total: None)


@pytest.mark.parametrize(
    "listing",
    [
        f"{'0' * 64}  other.tar.gz\n{DIGEST}  tool.tar.gz\n",
        f"{DIGEST} *tool.tar.gz\n",
        f"{DIGEST}  ./tool.tar.gz\n",
        f"{DIGEST}\n",
    ],
    ids=["sha256sum", "binary mode", "with a folder", "one alone"],
)
def test_the_lists_of_publishers_are_understood(server: FileServer, listing: str) -> None:
    server.files["/sums"] = listing.encode()
    assert download.published_checksum(f"{server.url}/sums", "tool.tar.gz", "sha256") == DIGEST


@pytest.mark.parametrize(
    "listing",
    ["", f"{DIGEST}  other.tar.gz\n", "abc  tool.tar.gz\n", "<html>sign in to this network</html>\n", DIGEST[:-1]],
)
def test_a_list_without_the_file_makes_the_source_useless(server: FileServer, listing: str) -> None:
    server.files["/sums"] = listing.encode()
    with pytest.raises(SourceUnavailableError, match=r"no sha256 checksum of tool\.tar\.gz"):
        download.published_checksum(f"{server.url}/sums", "tool.tar.gz", "sha256")
