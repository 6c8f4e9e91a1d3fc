"""What is said of a model and of those beside it: on all rows and by slice, with intervals and paired differences."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits

from pipelines.flights.columns import LABEL
from pipelines.flights.model.gates import EvaluationConf
from pipelines.flights.model.metrics import Bools, Floats, Interval, of_resamples, reliability, resamples
from pipelines.flights.model.names import CANDIDATE
from pipelines.flights.model.slices import slices

Resampled = Mapping[str, Mapping[str, Floats]]  # model -> metric -> one value a resample


@dataclass(frozen=True)
class Judged:
    """The held-out rows (with their `day`), and what each model says of them."""

    rows: pd.DataFrame
    probabilities: Mapping[str, Floats]

    def as_json(self, conf: EvaluationConf) -> dict[str, Any]:
        """Of each difference: the candidate's metric minus the other's. The intervals of the differences from the
        champion hold for all slices together (Bonferroni), the others each for itself."""
        late: Bools = self.rows[LABEL].to_numpy()
        _, day = np.unique(self.rows["day"].to_numpy(), return_inverse=True)
        weights = resamples(int(day.max()) + 1, conf.resamples, conf.seed)

        def resampled(chosen: npt.NDArray[np.bool_]) -> Resampled:
            with threadpool_limits(1, user_api="blas"):
                return {
                    name: of_resamples(late[chosen], probability[chosen], day[chosen], weights)
                    for name, probability in self.probabilities.items()
                }

        every = resampled(np.ones(len(late), dtype=bool))
        found = list(slices(self.rows))
        judged = [
            (by, value, chosen)
            for by, value, chosen in found
            if chosen.sum() >= conf.slice_rows_min and 0 < late[chosen].sum() < chosen.sum()
        ]
        together = 1 - (1 - conf.confidence) / max(1, len(judged))
        parts = []
        for by, value, chosen in judged:
            of_slice = resampled(chosen)
            parts.append(
                {
                    "by": by,
                    "value": value,
                    "rows": int(chosen.sum()),
                    "late_share": float(late[chosen].mean()),
                    "models": {name: _intervals(metrics, conf.confidence) for name, metrics in of_slice.items()},
                    "differences": _differences(of_slice, together),
                }
            )
        return {
            "models": {
                name: {
                    "metrics": _intervals(metrics, conf.confidence),
                    "reliability": reliability(late, self.probabilities[name]),
                }
                for name, metrics in every.items()
            },
            "differences": _differences(every, conf.confidence),
            "slices": parts,
            "slices_left_out": len(found) - len(judged),
            "resampling": {**conf.model_dump(), "days": weights.shape[1], "slices_confidence": together},
        }


def _intervals(metrics: Mapping[str, Floats], confidence: float) -> dict[str, dict[str, float]]:
    return {name: Interval.of(values, confidence).as_json() for name, values in metrics.items()}


def _differences(resampled: Resampled, confidence: float) -> dict[str, dict[str, dict[str, float]]]:
    """By the model that the candidate is compared with. Resamples are paired: each drew the same days for both."""
    mine = resampled[CANDIDATE]
    return {
        other: _intervals({name: mine[name] - values for name, values in metrics.items()}, confidence)
        for other, metrics in resampled.items()
        if other != CANDIDATE
    }
