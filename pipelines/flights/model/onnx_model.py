"""The exported model as whoever serves it runs it."""

import time
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import onnxruntime
import pandas as pd

from pipelines.flights.model.onnx_export import INPUT, OUTPUT

WARM_UP, TIMED = 100, 1000


class OnnxModel:
    """One thread, as in the app; and so that the same rows give the same bits on any machine."""

    def __init__(self, content: bytes, features: Sequence[str], categorical: Mapping[str, Sequence[str]]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._features = features
        self._codes = {name: {value: code for code, value in enumerate(known)} for name, known in categorical.items()}

    def encode(self, frame: pd.DataFrame) -> npt.NDArray[np.float32]:
        """[rows, features]: a category is its index, an unknown or missing one NaN."""
        return np.column_stack(
            [
                (frame[name].map(self._codes[name]) if name in self._codes else frame[name]).to_numpy(np.float32)
                for name in self._features
            ]
        )

    def late_probability(self, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
        return self._run(self.encode(frame)).astype(np.float64)

    def median_latency_ms(self, frame: pd.DataFrame) -> float:
        """Of single rows, without encoding them."""
        row = self.encode(frame.head(1))
        seconds = []
        for _ in range(WARM_UP + TIMED):
            start = time.perf_counter()
            self._run(row)
            seconds.append(time.perf_counter() - start)
        return float(np.median(seconds[WARM_UP:])) * 1000

    def _run(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        (probability,) = self._session.run([OUTPUT], {INPUT: rows})
        return np.asarray(probability, dtype=np.float32).ravel()
