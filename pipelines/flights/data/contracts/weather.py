"""One month of hourly weather readings of the three airports."""

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from pipelines.flights.data.contracts.flights import STATIONS


class RawWeather(pa.DataFrameModel):
    """Units as in the source: Fahrenheit, percent, degrees, miles an hour, inches, millibars, miles.

    How many wind speeds may be beyond anything that blows is a matter of the configuration."""

    origin: str = pa.Field(isin=STATIONS)
    year: pd.Int16Dtype = pa.Field(ge=1987)
    month: pd.Int16Dtype = pa.Field(ge=1, le=12)
    day: pd.Int16Dtype = pa.Field(ge=1, le=31)
    hour: pd.Int16Dtype = pa.Field(ge=0, le=23)
    temp: float = pa.Field(nullable=True, ge=-60, le=130)
    dewp: float = pa.Field(nullable=True, ge=-80, le=100)
    humid: float = pa.Field(nullable=True, ge=0, le=100)
    wind_dir: float = pa.Field(nullable=True, ge=0, le=360)
    wind_speed: float = pa.Field(nullable=True, ge=0)
    wind_gust: float = pa.Field(nullable=True, ge=0)
    precip: float = pa.Field(nullable=True, ge=0, le=12.0, description="an hour's rain; the record is 12 inches")
    # Sea-level records: 870 mb (Typhoon Tip) and 1084 mb (Tosontsengel), WMO.
    pressure: float = pa.Field(nullable=True, ge=870, le=1085)
    visib: float = pa.Field(nullable=True, ge=0, le=100)
    time_hour: Series[pd.DatetimeTZDtype] = pa.Field(dtype_kwargs={"unit": "ms", "tz": "UTC"})

    class Config:
        strict = True
        unique = ["origin", "time_hour"]  # noqa: RUF012 - pandera reads it from here
