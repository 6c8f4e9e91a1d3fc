"""One exact model: verified, then loaded, then tried once before anybody is answered."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from infra.contracts.bundle import BundleError
from infra.contracts.errors import HighwayError
from reference_app.encoding import Encoder
from reference_app.features import underivable
from reference_app.logs import FIELDS
from reference_app.model_cache import REGISTRY, fetch_model
from reference_app.model_card import ModelCard
from reference_app.onnx_scorer import OnnxScorer
from reference_app.parity import check_parity
from reference_app.scoring import FloatRows, Probabilities, Scorer, ScorerError

CARD_FILE, ONNX_FILE, PARITY_FILE, CLASSIFIER_FILE = "model.json", "model.onnx", "parity.json", "model.joblib"

logger = logging.getLogger("reference_app.model")


class ModelRefusedError(HighwayError):
    """The model cannot be served; one line with what to do."""


@dataclass(frozen=True)
class Model:
    """`typical_probability` is the answer for the row of typical values, what an explanation compares to."""

    card: ModelCard
    version: str
    digest: str
    encoder: Encoder
    scorer: Scorer
    typical_probability: float
    origin: str = REGISTRY

    @property
    def path(self) -> str:
        """How it is computed: onnx or scikit-learn."""
        return self.scorer.path

    def score(self, rows: FloatRows) -> Probabilities:
        """The probability of being late for each row of `encoder.rows`; many cost little more than one.

        Raises `ScorerError` when it is none: such an answer is a failure of ours and never sent."""
        probabilities = self.scorer.score(rows)
        # Written so that NaN, which compares with nothing, is refused as well.
        if len(probabilities) != len(rows) or not ((probabilities >= 0) & (probabilities <= 1)).all():
            raise ScorerError(f"answers {len(rows)} rows with what are not as many probabilities")
        return probabilities


def load_model(store: Path, digest: str, version: str, cache: Path | None = None) -> Model:
    """Raises `ModelRefusedError`. Nothing is read into a model before the bytes are known to be those of `digest`."""
    try:
        files, origin = fetch_model(store, digest, cache)
        card = ModelCard.model_validate_json(files[CARD_FILE])
        files[CLASSIFIER_FILE]  # the model as it was trained: without it there is nothing to fall back to
    except BundleError as error:
        raise ModelRefusedError(str(error)) from error
    except KeyError as error:
        raise ModelRefusedError(f"bundle {digest} has no {error}: it is not a model, choose another digest") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors())
        raise ModelRefusedError(f"{CARD_FILE} of {digest} cannot be used ({problems}): register it again") from error
    if unknown := underivable(card.features):
        raise ModelRefusedError(
            f"model {digest} needs {', '.join(unknown)}, which no request supplies: release a newer app first"
        )
    encoder = Encoder(card)
    try:
        scorer = _scorer(files, card, digest)
        typical = _tried(scorer, encoder, card)
    except ScorerError as error:
        raise ModelRefusedError(f"model {digest} {error}") from error
    return Model(card, version, digest, encoder, scorer, typical, origin)


def _scorer(files: Mapping[str, bytes], card: ModelCard, digest: str) -> Scorer:
    """ONNX Runtime when its answers are scikit-learn's; otherwise scikit-learn itself, and a warning. Raises
    `ScorerError` when neither can be used."""
    try:
        return _onnx_scorer(files, card)
    except ScorerError as error:
        from reference_app.sklearn_scorer import SklearnScorer  # noqa: PLC0415  # says itself why it comes late

        logger.warning("served by scikit-learn, which is slower: %s", error, extra={FIELDS: {"model_digest": digest}})
        return SklearnScorer(files[CLASSIFIER_FILE], card)


def _onnx_scorer(files: Mapping[str, bytes], card: ModelCard) -> Scorer:
    if missing := [name for name in (ONNX_FILE, PARITY_FILE) if name not in files]:
        raise ScorerError(f"the bundle has no {' and no '.join(missing)}")
    scorer = OnnxScorer(files[ONNX_FILE], len(card.features))
    check_parity(scorer, files[PARITY_FILE], card)
    return scorer


def _tried(scorer: Scorer, encoder: Encoder, card: ModelCard) -> float:
    """The answer for the typical row, which also warms what the first request would wait for."""
    try:
        (probability,) = scorer.score(encoder.rows([card.reference])).tolist()
    # Whatever a foreign model raises, it is one that cannot be served.
    except Exception as error:
        raise ScorerError(f"does not predict ({error!r}): register it again") from error
    if not 0 <= probability <= 1:
        raise ScorerError(f"answers {probability}, which is no probability: register it again")
    return float(probability)
