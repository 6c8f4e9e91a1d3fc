"""The data set of a model: features joined with their labels."""

import pandas as pd
import pyarrow as pa

from infra.contracts.errors import HighwayError
from pipelines.flights.columns import FEATURES, KEY, LABEL
from pipelines.flights.data.quality import report_name
from pipelines.storage import Folder


class QuarantineError(HighwayError):
    """A month that is needed is in quarantine; the message names its report."""


def read_dataset(features: Folder, labels: Folder, months: list[str], also: tuple[str, ...] = ()) -> pd.DataFrame:
    """`FEATURES` and `LABEL` of `months`, and the columns `also` of the key, in the order of the features' files.

    Raises `QuarantineError`; and `pandas.errors.MergeError` when a key repeats, `ValueError` when a flight has no label
    or a label no flight, which is not what `features` makes."""
    for month in months:
        if features.has(report_name(month)):
            raise QuarantineError(
                f"{month} is in quarantine, so nothing is made that needs it; read {features.uri(report_name(month))}, "
                "correct the data and run `highway train`"
            )
    known = _read(features, months, list(dict.fromkeys((*KEY, *FEATURES))))
    outcome = _read(labels, months, [*KEY, LABEL])
    joined = known.merge(outcome, on=list(KEY), how="left", validate="one_to_one")
    if len(outcome) != len(known) or joined[LABEL].isna().any():
        raise ValueError(
            f"{len(known):,} flights and {len(outcome):,} labels of {months[0]} to {months[-1]} do not match"
        )
    return joined[[*FEATURES, LABEL, *also]].astype({LABEL: bool})


def _read(folder: Folder, months: list[str], columns: list[str]) -> pd.DataFrame:
    frame: pd.DataFrame = pa.concat_tables(
        [folder.read_table(f"{month}.parquet", columns) for month in months]
    ).to_pandas()
    return frame
