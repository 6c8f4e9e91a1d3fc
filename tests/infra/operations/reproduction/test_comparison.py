"""Recorded beside reproduced: what counts as equal."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.contracts import bundle
from infra.contracts.artifacts import digest_of_folder
from infra.operations.pipelines.artifacts import ArtifactStore
from infra.operations.reproduction.comparison import compare_artifact, compare_bundle

Stores = tuple[ArtifactStore, ArtifactStore]


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    past, present = (ArtifactStore((tmp_path / name).as_uri(), "toy") for name in ("past", "present"))
    return past, present


def put(store: ArtifactStore, content: str) -> str:
    folder = store.objects / "new"
    folder.mkdir(parents=True)
    (folder / "model").write_text(content)
    digest = digest_of_folder(folder)
    folder.rename(store.path_of(digest))
    return digest


def alter(store: ArtifactStore, digest: str) -> None:
    (store.path_of(digest) / "model").write_text("altered")


def throw_away(store: ArtifactStore, digest: str) -> None:
    (store.path_of(digest) / "model").unlink()
    store.path_of(digest).rmdir()


def nothing(store: ArtifactStore, digest: str) -> None:
    pass


@pytest.mark.parametrize(
    ("made", "since", "verdict", "files"),
    [
        ("good", nothing, "equal", []),
        ("good", throw_away, "equal", []),
        ("good", alter, "altered since", ["model"]),
        ("other", nothing, "differs", ["model"]),
        ("other", throw_away, "differs", []),
        (None, nothing, "not made", []),
    ],
)
def test_the_verdict_on_an_artifact(
    stores: Stores, made: str | None, since: Callable[[ArtifactStore, str], None], verdict: str, files: list[str]
) -> None:
    recorded = put(stores[0], "good")
    since(stores[0], recorded)
    found = compare_artifact("model", recorded, put(stores[1], made) if made else None, stores)
    assert (found.verdict, found.is_equal) == (verdict, verdict == "equal")
    assert [each.file for each in found.differences] == files


def test_files_of_the_published_bundle_are_compared_with_those_that_were_made(tmp_path: Path) -> None:
    (tmp_path / "model.joblib").write_bytes(b"weights")
    (tmp_path / "model.onnx").write_bytes(b"other weights")
    files = {"model.joblib": b"weights", "model.onnx": b"weights", "model.json": b"made by a step that is left out"}
    found = {each.name: each for each in compare_bundle(files, [tmp_path])}
    assert {name: each.is_equal for name, each in found.items()} == {
        "bundle/model.joblib": True,
        "bundle/model.onnx": False,
    }
    assert found["bundle/model.joblib"].recorded == bundle.digest_of(b"weights")
