"""Only the exact, verified, fitting model is served; everything else is refused in one line before it listens."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from reference_app.model import ModelRefusedError, load_model

from infra.contracts.bundle import path_in, publish
from tests.support.flight_model import PublishedModel, bundle_files, onnx_files, parity


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
    assert model.path == "onnx"


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


def _wrong_parity(published: PublishedModel) -> bytes:
    said = parity(published.pipeline)
    said["probabilities"][7] += 2e-5
    return json.dumps(said).encode()


def _one_probability(published: PublishedModel) -> bytes:
    said = parity(published.pipeline)
    return json.dumps({**said, "probabilities": said["probabilities"][:1]}).encode()


def _fails_when_run(published: PublishedModel) -> bytes:
    """It takes and gives what it should, and cannot compute it."""
    shape = helper.make_node("Constant", [], ["shape"], value_ints=[7])
    nodes = [shape, helper.make_node("Reshape", ["features", "shape"], ["probability"])]
    given = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", len(published.card["features"])])
    taken = helper.make_tensor_value_info("probability", TensorProto.FLOAT, [None])
    graph = helper.make_graph(nodes, "broken", [given], [taken])
    model: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()
    return model


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model.onnx": None, "parity.json": None}, "the bundle has no model.onnx and no parity.json"),
        ({"parity.json": None}, "the bundle has no parity.json"),
        ({"model.onnx": b"no model"}, "ONNX Runtime cannot read model.onnx"),
        ({"model.onnx": b""}, "ONNX Runtime cannot read model.onnx"),
        ({"model.onnx": _fails_when_run}, "model.onnx does not score the rows of parity.json"),
        ({"parity.json": _wrong_parity}, "differ from scikit-learn's by 2e-05, over 1e-05"),
        ({"parity.json": _one_probability}, "parity.json cannot be used"),
        ({"parity.json": b"{"}, "parity.json cannot be used"),
        ({"parity.json": b'{"tolerance": 1e-5, "rows": [[1]], "probabilities": [1]}'}, "parity.json cannot be used"),
    ],
    ids=[
        "older bundle",
        "no parity",
        "broken",
        "empty",
        "fails when run",
        "other answers",
        "one probability for all",
        "broken parity",
        "other features",
    ],
)
def test_what_cannot_be_proven_to_be_the_model_is_not_served_but_scikit_learn_is(
    published: PublishedModel,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    change: dict[str, Any],
    says: str,
):
    files = {**bundle_files(published.pipeline, published.card), **onnx_files(published.pipeline, published.card)}
    for name, content in change.items():
        files.pop(name)
        if content is not None:
            files[name] = content(published) if callable(content) else content
    model = load_model(tmp_path, publish(tmp_path, files), "7")
    assert model.path == "scikit-learn"
    (warning,) = (message for message in caplog.messages if message.startswith("served by scikit-learn"))
    assert says in warning
    rows = published.flights.head(50)
    scored = model.score(model.encoder.rows(rows.to_dict("records")))
    assert np.abs(scored - published.pipeline.predict_proba(rows)[:, 1]).max() < 1e-12


def test_both_ways_give_the_same_answers_also_for_what_is_missing_or_unknown(published: PublishedModel, tmp_path: Path):
    old = load_model(tmp_path, publish(tmp_path, bundle_files(published.pipeline, published.card)), "7")
    new = load_model(published.store, published.digest, "7")
    rows = [dict(zip(new.card.features, row, strict=True)) for row in parity(published.pipeline, 500)["rows"]]
    encoded = new.encoder.rows(rows)
    assert np.isnan(encoded).any()
    assert np.abs(old.score(encoded) - new.score(encoded)).max() < 1e-6
