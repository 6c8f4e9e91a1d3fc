"""A store that is away: the last verified copy of the same model serves and says so, and no other ever does."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from reference_app.app import create_app
from reference_app.model import ModelRefusedError, load_model
from reference_app.model_cache import MOST_KEPT
from reference_app.settings import Settings

from infra.contracts.bundle import digest_of, path_in, publish
from tests.support.flight_model import PublishedModel, bundle_files


@pytest.fixture
def store(published: PublishedModel, tmp_path: Path) -> Path:
    """A store of the test's own, to be taken away."""
    return Path(shutil.copytree(published.store, tmp_path / "store"))


@pytest.fixture
def cache(store: Path, published: PublishedModel, tmp_path: Path) -> Path:
    """It has seen the model once."""
    assert load_model(store, published.digest, "7", tmp_path / "cache").origin == "registry"
    return tmp_path / "cache"


def gone(store: Path) -> None:
    shutil.rmtree(store)


def not_mounted(store: Path) -> None:
    shutil.rmtree(store)
    store.mkdir()


def no_folder(store: Path) -> None:
    shutil.rmtree(store)
    store.write_text("")


def unreadable(store: Path) -> None:
    """A folder where the bundle should be: an error of reading that root gets too."""
    for bundle in (store / "sha256").iterdir():
        bundle.unlink()
        bundle.mkdir()


@pytest.mark.parametrize("take_away", [gone, not_mounted, no_folder, unreadable])
def test_without_its_store_the_same_model_is_served_from_the_cache_and_says_so(
    settings: Settings, store: Path, cache: Path, take_away: Callable[[Path], None], caplog: pytest.LogCaptureFixture
):
    take_away(store)
    client = TestClient(create_app(settings.model_copy(update={"bundles": store, "model_cache": cache})))
    ready = client.get("/ready").json()
    assert (ready["origin"], ready["model_digest"]) == ("cache", settings.model_digest)
    assert 'origin="cache"' in client.get("/metrics").text
    assert "cannot be reached at the moment" in client.get("/").text
    (warning,) = (record for record in caplog.records if record.name == "reference_app.model_cache")
    assert "served from the cache" in warning.getMessage()


def test_with_its_store_the_cache_is_not_asked(settings: Settings, store: Path, cache: Path):
    client = TestClient(create_app(settings.model_copy(update={"bundles": store, "model_cache": cache})))
    assert client.get("/ready").json()["origin"] == "registry"
    assert "cannot be reached" not in client.get("/").text


def test_a_store_that_no_longer_has_the_model_is_believed(published: PublishedModel, store: Path, cache: Path):
    path_in(store, published.digest).unlink()
    with pytest.raises(ModelRefusedError, match="no bundle"):
        load_model(store, published.digest, "7", cache)


def test_a_store_with_other_bytes_is_refused_although_a_good_copy_is_at_hand(
    published: PublishedModel, store: Path, cache: Path
):
    path_in(store, published.digest).write_bytes(b"evil")
    with pytest.raises(ModelRefusedError, match="it was altered"):
        load_model(store, published.digest, "7", cache)


def test_another_model_never_stands_in(published: PublishedModel, store: Path, cache: Path):
    other = publish(store, bundle_files(published.pipeline, {**published.card, "name": "other"}))
    gone(store)
    with pytest.raises(ModelRefusedError, match="MODEL_CACHE does not help: no bundle") as refused:
        load_model(store, other, "7", cache)
    assert len(str(refused.value).splitlines()) == 1


def test_a_copy_that_was_altered_is_not_loaded(published: PublishedModel, store: Path, cache: Path):
    copy = path_in(cache, published.digest)
    copy.write_bytes(copy.read_bytes() + b"\0")
    gone(store)
    with pytest.raises(ModelRefusedError, match=r"MODEL_CACHE does not help: .* it was altered"):
        load_model(store, published.digest, "7", cache)


def test_a_copy_that_was_altered_is_mended_while_the_store_is_there(
    published: PublishedModel, store: Path, cache: Path
):
    copy = path_in(cache, published.digest)
    copy.write_bytes(b"half")
    load_model(store, published.digest, "7", cache)
    assert digest_of(copy.read_bytes()) == published.digest


def test_only_the_last_few_are_kept_and_the_one_in_use_among_them(published: PublishedModel, store: Path, cache: Path):
    for number in range(MOST_KEPT + 2):
        digest = publish(store, bundle_files(published.pipeline, {**published.card, "name": f"model-{number}"}))
        load_model(store, digest, "7", cache)
        load_model(store, published.digest, "7", cache)
    assert len(list((cache / "sha256").iterdir())) == MOST_KEPT
    gone(store)
    assert load_model(store, published.digest, "7", cache).origin == "cache"


def test_a_cache_that_takes_nothing_stops_no_start(
    published: PublishedModel, store: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert load_model(store, published.digest, "7", tmp_path / "cache").origin == "registry"
    assert "was not copied into MODEL_CACHE" in caplog.text
