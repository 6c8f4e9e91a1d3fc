"""Validate: refuse raw data that breaks its contract, naming every rule, file and row."""

from collections.abc import Iterator

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa

from pipelines import step
from pipelines.flights.conf import FlightsConf
from pipelines.flights.contracts.flights import STATIONS, RawFlights
from pipelines.flights.contracts.violations import Violation, violations
from pipelines.flights.contracts.weather import RawWeather
from pipelines.storage import Folder

_NULLABLE = {pa.int16(): pd.Int16Dtype()}
_SUFFIX = ".parquet"
HOURS_A_MONTH = 31 * 24


def read_raw(raw: Folder, name: str, columns: list[str] | None = None) -> pd.DataFrame:
    """A partition with integers that know missing values."""
    frame: pd.DataFrame = raw.read_table(name, columns).to_pandas(types_mapper=_NULLABLE.get)
    return frame


def check(raw: Folder, conf: FlightsConf) -> tuple[list[Violation], dict[str, int]]:
    """What is wrong with the raw data, and the flights of each month that could be read."""
    found: list[Violation] = []
    rows: dict[str, int] = {}
    kinds = (
        ("flights", RawFlights, range(conf.month_rows_min, conf.month_rows_max + 1)),
        ("weather", RawWeather, range(conf.weather_rows_min, HOURS_A_MONTH * len(STATIONS) + 1)),
    )
    for kind, model, volume in kinds:
        present = {name.removesuffix(_SUFFIX) for name in raw.names(kind, _SUFFIX)}
        found += [
            Violation(f"{kind}/{month}", "the month is missing") for month in conf.months() if month not in present
        ]
        for month in sorted(present):
            partition = f"{kind}/{month}{_SUFFIX}"
            if month not in conf.months():
                found.append(Violation(partition, f"not a month from {conf.first_month} to {conf.last_month}"))
                continue
            try:
                frame = read_raw(raw, partition)
            except (pa.ArrowInvalid, OSError) as error:
                found.append(Violation(partition, f"not a whole Parquet file ({str(error).splitlines()[0]})"))
                continue
            found += _broken(model, frame, partition, month, volume)
            if kind == "flights":
                rows[month] = len(frame)
            else:
                found += _implausible(frame, partition, conf)
    return found, rows


def _broken(
    model: type[pandera.DataFrameModel], frame: pd.DataFrame, partition: str, month: str, volume: range
) -> Iterator[Violation]:
    yield from violations(model, frame, partition)
    if len(frame) not in volume:
        yield Violation(partition, f"holds {len(frame):,} rows, expected {volume.start:,} to {volume.stop - 1:,}")
    if {"year", "month"} <= set(frame.columns):
        year, number = map(int, month.split("-"))
        strays = frame.index[(frame["year"] != year) | (frame["month"] != number)]
        if len(strays):
            yield Violation(partition, "rows of another month", len(strays), f"row {strays[0]}")


def _implausible(frame: pd.DataFrame, partition: str, conf: FlightsConf) -> Iterator[Violation]:
    """A few wrong readings are to be expected and become missing values; many mean a broken source."""
    if "wind_speed" in frame.columns:
        wrong = frame.index[frame["wind_speed"] > conf.wind_speed_mph_max]
        if len(wrong) > conf.implausible_share_max * len(frame):
            yield Violation(
                partition, f"wind_speed above {conf.wind_speed_mph_max:g} mph", len(wrong), f"row {wrong[0]}"
            )


def main() -> None:
    conf = FlightsConf.from_environment()
    found, rows = check(step.read_from("raw"), conf)
    if found:
        print(f"{len(found)} rules are broken:")
        for violation in found:
            print(f"  {violation}")
        step.fail(
            f"the raw data breaks its contract in {len(found)} ways; what was made of earlier data stays as it is"
        )
    step.write_to("quality").write_json("quality.json", {"rows": rows})
    print(f"{sum(rows.values()):,} flights in {len(rows)} months keep their contract")


if __name__ == "__main__":
    main()
