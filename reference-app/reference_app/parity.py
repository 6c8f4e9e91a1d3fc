"""`parity.json`: rows with scikit-learn's answers, by which a faster scorer proves that it is the same model."""

from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from reference_app.encoding import Encoder
from reference_app.model_card import ModelCard, Value
from reference_app.scoring import Scorer, ScorerError


class Parity(BaseModel):
    """`rows` are raw values in the order of the card's features, null where one is missing."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    tolerance: float = Field(gt=0, le=1e-4, description="largest absolute difference of a probability")
    rows: tuple[tuple[Value, ...], ...] = Field(min_length=1)
    probabilities: tuple[float, ...]

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if len(self.rows) != len(self.probabilities):
            raise ValueError("each row needs its probability")
        return self


def check_parity(scorer: Scorer, content: bytes, card: ModelCard) -> None:
    """Raises `ScorerError` with the largest difference when it is over the tolerance."""
    try:
        parity = Parity.model_validate_json(content)
        values = [dict(zip(card.features, row, strict=True)) for row in parity.rows]
        rows = Encoder(card).rows(values)
    except (ValidationError, ValueError) as error:
        raise ScorerError(f"parity.json cannot be used: {str(error).splitlines()[0]}") from error
    try:
        difference = float(np.abs(scorer.score(rows) - np.array(parity.probabilities)).max())
    # ONNX Runtime's errors have no base class of their own; a wrong number of answers is a ValueError.
    except Exception as error:
        raise ScorerError(f"model.onnx does not score the rows of parity.json: {str(error).splitlines()[0]}") from error
    # Also true of NaN, which no comparison would find too large.
    if not difference <= parity.tolerance:
        raise ScorerError(
            f"the answers of ONNX Runtime differ from scikit-learn's by {difference:.2g}, over {parity.tolerance:g}"
        )
