"""Scoring with ONNX Runtime: tens of microseconds a row, and a file of numbers instead of a pickle of code."""

import numpy as np
import onnxruntime

from reference_app.scoring import FloatRows, Probabilities, ScorerError

INPUT, OUTPUT = "features", "probability"


class OnnxScorer:
    path = "onnx"

    def __init__(self, content: bytes, features: int) -> None:
        """Raises `ScorerError` for what ONNX Runtime cannot read or what has another shape."""
        options = onnxruntime.SessionOptions()
        # One row at a time has nothing to share out, and a waiting pool takes the core from the event loop.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        # Its errors have no base class of their own.
        except Exception as error:
            raise ScorerError(f"ONNX Runtime cannot read model.onnx: {str(error).splitlines()[0]}") from error
        inputs = {each.name: (each.type, each.shape[-1:]) for each in self._session.get_inputs()}
        if inputs != {INPUT: ("tensor(float)", [features])} or OUTPUT not in self._outputs():
            raise ScorerError(
                f"model.onnx takes {inputs} and gives {self._outputs()}, not {features} {INPUT} and {OUTPUT}"
            )

    def _outputs(self) -> list[str]:
        return [each.name for each in self._session.get_outputs()]

    def score(self, rows: FloatRows) -> Probabilities:
        probabilities: Probabilities = self._session.run([OUTPUT], {INPUT: rows.astype(np.float32)})[0]
        return probabilities.reshape(-1)
