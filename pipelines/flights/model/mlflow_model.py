"""The registry's copy as an MLflow model, so that `mlflow models serve` and every other tool of MLflow can load it.

Written by hand: `mlflow.sklearn.log_model` would import the learner to pickle it once more, and stamp it with the time
of day. The format: https://mlflow.org/docs/latest/ml/model/#storage-format
"""

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import yaml

from pipelines.flights.model.files import MODEL_FILE

EXAMPLE_FILE, SERVING_EXAMPLE_FILE = "input_example.json", "serving_input_example.json"
PACKAGES = ("mlflow", "scikit-learn", "pandas")


def signature(features: list[str], categorical: Mapping[str, list[str]]) -> dict[str, Any]:
    """Numbers are doubles throughout, because any of them may be missing; the answer is the chance of each class."""
    columns = [
        {"name": name, "type": "string" if name in categorical else "double", "required": True} for name in features
    ]
    answer = [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}]
    return {"inputs": json.dumps(columns), "outputs": json.dumps(answer), "params": None}


def mlflow_files(training: Mapping[str, Any]) -> dict[str, bytes]:
    """What belongs beside `model.joblib`; `training` is the file of the step `train`."""
    features = training["features"]
    example = {"columns": features, "data": [[training["reference"][name] for name in features]]}
    model = {
        "flavors": {
            "python_function": {
                "env": {"virtualenv": "python_env.yaml"},
                "loader_module": "mlflow.sklearn",
                "model_path": MODEL_FILE,
                "predict_fn": "predict_proba",
                "python_version": platform.python_version(),
            },
            "sklearn": {
                "code": None,
                "pickled_model": MODEL_FILE,
                "serialization_format": "pickle",
                "sklearn_version": training["sklearn"],
            },
        },
        "mlflow_version": version("mlflow"),
        "saved_input_example_info": {
            "artifact_path": EXAMPLE_FILE,
            "pandas_orient": "split",
            "serving_input_path": SERVING_EXAMPLE_FILE,
            "type": "dataframe",
        },
        "signature": signature(features, training["categorical"]),
    }
    environment = {
        "python": platform.python_version(),
        "build_dependencies": ["pip"],
        "dependencies": ["-r requirements.txt"],
    }
    pins = "".join(f"{name}=={version(name)}\n" for name in PACKAGES)
    return {
        "MLmodel": yaml.safe_dump(model).encode(),
        "python_env.yaml": yaml.safe_dump(environment).encode(),
        "requirements.txt": pins.encode(),
        EXAMPLE_FILE: json.dumps(example).encode(),
        SERVING_EXAMPLE_FILE: json.dumps({"dataframe_split": example}).encode(),
    }
