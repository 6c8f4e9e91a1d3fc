"""Only the exact, verified, fitting model is served; everything else is refused in one line before it listens."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reference_app.model import ModelRefusedError, load_model

from infra.contracts.bundle import path_in, publish
from tests.support.flight_model import PublishedModel, bundle_files


class Bomb:
    """Unpickling it leaves a file behind, as an attack would."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


class Reversed:
    """Its second column is the probability of being on time."""

    classes_ = (1, 0)

    def predict_proba(self, rows: Any) -> Any:
        return np.full((len(rows), 2), 0.5)


def test_the_model_is_loaded_by_its_digest(published: PublishedModel):
    model = load_model(published.store, published.digest, "7")
    assert model.digest == published.digest
    assert 0 < model.typical_probability < 1


def test_a_tampered_bundle_is_refused_before_anything_is_unpickled(published: PublishedModel, tmp_path: Path):
    mark = tmp_path / "exploded"
    evil = publish(tmp_path, bundle_files(Bomb(mark), published.card))
    path_in(tmp_path, published.digest).write_bytes(path_in(tmp_path, evil).read_bytes())
    with pytest.raises(ModelRefusedError, match="it was altered, remove it and publish it again"):
        load_model(tmp_path, published.digest, "7")
    assert not mark.exists(), "the pickle was opened before it was verified"
    with pytest.raises(ModelRefusedError, match="does not predict"):
        load_model(tmp_path, evil, "7")
    assert mark.exists(), "the bomb works, so its silence above means something"


def test_a_missing_bundle_is_refused(tmp_path: Path):
    with pytest.raises(ModelRefusedError, match=r"no bundle sha256:0+ in .*; publish it again or choose another"):
        load_model(tmp_path, "sha256:" + "0" * 64, "7")


def test_a_bundle_that_is_no_model_is_refused(tmp_path: Path):
    with pytest.raises(ModelRefusedError, match=r"has no 'model.json': it is not a model"):
        load_model(tmp_path, publish(tmp_path, {"main.py": b""}), "7")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sklearn": "0.1"}, "was trained with scikit-learn 0.1"),
        ({"features": ["carrier", "horoscope"], "reference": {"carrier": "B6", "horoscope": 1}}, "needs horoscope"),
        ({"reference": {}}, "reference has no value for month"),
        ({"categorical": {"carrier": ["B6"]}}, "lists no values for origin, destination"),
        ({"features": ["carrier"]}, "does not predict"),
        ({"holdout": None}, "holdout"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(
    published: PublishedModel, tmp_path: Path, change: dict[str, Any], says: str
):
    digest = publish(tmp_path, bundle_files(published.pipeline, {**published.card, **change}))
    with pytest.raises(ModelRefusedError, match=says) as refused:
        load_model(tmp_path, digest, "7")
    assert len(str(refused.value).splitlines()) == 1, "one line"


def test_a_classifier_of_something_else_is_refused(published: PublishedModel, tmp_path: Path):
    digest = publish(tmp_path, bundle_files(Reversed(), published.card))
    with pytest.raises(ModelRefusedError, match=r"has classes \[1, 0\]: expected a classifier of 0 and 1"):
        load_model(tmp_path, digest, "7")
