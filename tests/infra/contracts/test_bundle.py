"""Bundles: the same files are the same bytes, and nothing is read that is not what its digest says."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.contracts import bundle

FILES = {"app/main.py": b"print('hi')\n", "data.bin": bytes(range(256))}


@given(files=st.dictionaries(st.from_regex(r"[a-z]{1,20}(/[a-z]{1,20}){0,3}", fullmatch=True), st.binary(max_size=200)))
def test_packing_depends_on_names_and_content_only(files: dict[str, bytes]):
    assert bundle.pack(files) == bundle.pack(dict(reversed(files.items())))


def test_what_is_published_can_be_fetched_and_unpacked(tmp_path: Path):
    digest = bundle.publish(tmp_path / "store", FILES)
    assert bundle.fetch(tmp_path / "store", digest) == FILES
    folder = bundle.unpack(tmp_path / "store", digest, tmp_path / "run")
    assert (folder / "app/main.py").read_bytes() == FILES["app/main.py"]
    assert bundle.publish(tmp_path / "store", FILES) == digest


def test_an_altered_bundle_is_refused(tmp_path: Path):
    digest = bundle.publish(tmp_path, FILES)
    path = bundle.path_in(tmp_path, digest)
    path.write_bytes(path.read_bytes().replace(b"hi", b"ho"))
    with pytest.raises(bundle.BundleError, match="was altered"):
        bundle.fetch(tmp_path, digest)
    with pytest.raises(bundle.BundleError, match="was altered"):
        bundle.unpack(tmp_path, digest, tmp_path / "run")


def test_a_bundle_cannot_write_outside_of_its_folder(tmp_path: Path):
    digest = bundle.publish(tmp_path, {"../../escape": b"x"})
    with pytest.raises(bundle.BundleError, match="leaves its folder"):
        bundle.unpack(tmp_path, digest, tmp_path / "run")
    assert not (tmp_path / "escape").exists()


@pytest.mark.parametrize("digest", ["", "sha256:", "sha256:../../etc/passwd", "md5:" + "0" * 64, "sha256:" + "A" * 64])
def test_a_malformed_digest_never_becomes_a_path(tmp_path: Path, digest: str):
    with pytest.raises(bundle.BundleError, match="expected sha256"):
        bundle.fetch(tmp_path, digest)


def test_an_absent_bundle_is_named(tmp_path: Path):
    with pytest.raises(bundle.BundleError, match="publish it again"):
        bundle.fetch(tmp_path, "sha256:" + "0" * 64)
