"""What a model takes and gives, whichever library computes it."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

# One row a flight, one column a feature in the order of the model's card. A categorical feature is the index of
# its value among those the card lists; what is unknown or missing is NaN. In double precision, since scikit-learn
# compares with thresholds that may equal a value to its last digit.
FloatRows = npt.NDArray[np.float64]
Probabilities = npt.NDArray[np.float32] | npt.NDArray[np.float64]


class Scorer(Protocol):
    """`path` names the library in /ready and in the metrics: onnx or scikit-learn."""

    @property
    def path(self) -> str: ...

    def score(self, rows: FloatRows) -> Probabilities:
        """The probability (0-1) of being late for each row."""
        ...


class ScorerError(Exception):
    """These bytes cannot be used for scoring; the text says why."""
