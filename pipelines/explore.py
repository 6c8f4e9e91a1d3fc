"""A run of the training pipeline as its steps saw it: the same folders, verified, and read in the same way.

    from pipelines import explore
    run = explore.latest()
    frame = run.dataset([run.conf.holdout_month])

Runs are looked for where HIGHWAY_DATA_URI says; without it, on the highway of this clone, or of HIGHWAY_HOME.
"""

import json
import os
import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pandas as pd
import polars as pl
from sklearn.pipeline import Pipeline

from infra.contracts.artifacts import digest_of_folder
from infra.contracts.errors import HighwayError
from infra.contracts.pipelines import DATA_VARIABLE
from pipelines.flights.columns import KEY
from pipelines.flights.conf import PARAMETER, FlightsConf
from pipelines.flights.dataset import read_dataset
from pipelines.flights.model.learner import from_bytes
from pipelines.storage import Folder

PIPELINE = "train"
HOME_VARIABLE = "HIGHWAY_HOME"
REPO = Path(__file__).resolve().parents[1]


class ExploreError(HighwayError):
    """There is no such run, or its artifacts are not what they were."""


@dataclass(frozen=True)
class Run:
    """`storage` is the folder of the storage URI; `record` is what the executor wrote down when the run passed."""

    storage: Path
    record: dict[str, Any]

    @property
    def run_id(self) -> str:
        return str(self.record["run_id"])

    @property
    def commit(self) -> str:
        return str(self.record["lineage"]["commit"])

    @cached_property
    def conf(self) -> FlightsConf:
        """What the run was configured with, whatever the file in this clone says by now."""
        return FlightsConf.model_validate_json(self.record["pipeline"]["parameters"][PARAMETER])

    @property
    def metrics(self) -> dict[str, float]:
        """Of its model, on the held-out month."""
        return dict(self.record["result"]["metrics"])

    def artifact(self, name: str) -> Folder:
        """Its folder. Raises `ExploreError` when the run made no such artifact, or its content was altered since."""
        made = {each: digest for outputs in self.record["outputs"].values() for each, digest in outputs.items()}
        if name not in made:
            raise ExploreError(f"run {self.run_id} made no {name!r}; it made {', '.join(sorted(made))}")
        folder = self.storage / "objects" / made[name].removeprefix("sha256:")
        if not folder.is_dir() or digest_of_folder(folder) != made[name]:
            raise ExploreError(f"the {name} of run {self.run_id} is gone or was altered; `highway train` makes it anew")
        return Folder.at(folder.as_uri())

    def flights(self, months: list[str]) -> pl.DataFrame:
        """All columns of the features with the labels joined on their key, a row a flight, in the features' order."""
        features, labels = self.artifact("features"), self.artifact("labels")
        return pl.concat(_table(features, month).join(_table(labels, month), on=list(KEY)) for month in months)

    def dataset(self, months: list[str]) -> pd.DataFrame:
        """What `train` and `evaluate` get of `months`."""
        return read_dataset(self.artifact("features"), self.artifact("labels"), months)

    def model(self) -> Pipeline:
        """Its bytes have been verified before they are loaded."""
        return from_bytes(self.artifact("model").read_bytes("model.joblib"))


def latest() -> Run:
    """The newest run that passed. Raises `ExploreError`."""
    storage = _storage()
    return max(_runs(storage), key=lambda run: str(run.record["recorded_at"]))


def run(run_id: str) -> Run:
    """Raises `ExploreError` when there is none of this id."""
    runs = {each.run_id: each for each in _runs(_storage())}
    if run_id not in runs:
        raise ExploreError(f"no run {run_id!r} is recorded; there are {', '.join(sorted(runs))}")
    return runs[run_id]


def _runs(storage: Path) -> list[Run]:
    found = [
        Run(storage, json.loads(path.read_bytes())) for path in (storage / f"pipelines/{PIPELINE}/runs").glob("*.json")
    ]
    if not found:
        raise ExploreError(f"no run of {PIPELINE} is recorded in {storage}; run `highway train`")
    return found


def _table(folder: Folder, month: str) -> pl.DataFrame:
    frame = pl.from_arrow(folder.read_table(f"{month}.parquet"))
    assert isinstance(frame, pl.DataFrame)
    return frame


def _storage() -> Path:
    parts = urlsplit(os.environ.get(DATA_VARIABLE) or _of_the_highway())
    if parts.scheme != "file":
        raise ExploreError(f"{DATA_VARIABLE} is {parts.geturl()!r}: artifacts are looked at in a file:/// URI")
    return Path(unquote(parts.path))


def _of_the_highway() -> str:
    """What its `env` file exports."""
    file = Path(os.environ.get(HOME_VARIABLE) or REPO / ".highway") / "env"
    prefix = f"export {DATA_VARIABLE}="
    lines = file.read_text().splitlines() if file.exists() else []
    for line in lines:
        if line.startswith(prefix):
            return shlex.split(line.removeprefix(prefix))[0]
    raise ExploreError(f"no highway was put up here; run `highway up`, or set {DATA_VARIABLE} to the URI of a storage")
