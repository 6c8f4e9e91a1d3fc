"""Validate: hold raw data against their contract, and put the months that break it into quarantine.

The step passes whatever it finds: a month in quarantine stops only what needs that month. Its report names every
rule, file and row, and the ledger gets a verdict for each file.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa

from infra.contracts.pipelines import CHECKS_FILE
from pipelines import step
from pipelines.flights.conf import FlightsConf
from pipelines.flights.data.contracts.flights import STATIONS, RawFlights
from pipelines.flights.data.contracts.violations import Violation, violations
from pipelines.flights.data.contracts.weather import RawWeather
from pipelines.flights.data.quality import QUALITY_FILE, Findings, MonthQuality, Quality, report, report_name
from pipelines.flights.data.raw import partition
from pipelines.flights.data.receipt import RECEIPT_FILE, Receipt
from pipelines.storage import Folder

_NULLABLE = {pa.int16(): pd.Int16Dtype()}
_SUFFIX = ".parquet"
HOURS_A_MONTH = 31 * 24


def read_raw(raw: Folder, name: str, columns: list[str] | None = None) -> pd.DataFrame:
    """A partition with integers that know missing values."""
    frame: pd.DataFrame = raw.read_table(name, columns).to_pandas(types_mapper=_NULLABLE.get)
    return frame


@dataclass(frozen=True, kw_only=True)
class Expected:
    """Of each month of a kind. The newest row of the last month is `late_days` at most before the month's end.

    Freshness is judged against the configured window and not against the clock: the sample is of 2013, and a window
    that moves on with the clock is only a matter of `last_month`."""

    model: type[pandera.DataFrameModel]
    rows: range
    late_days: int


def expectations(conf: FlightsConf) -> dict[str, Expected]:
    return {
        "flights": Expected(
            model=RawFlights,
            rows=range(conf.month_rows_min, conf.month_rows_max + 1),
            late_days=conf.newest_flight_late_days_max,
        ),
        "weather": Expected(
            model=RawWeather,
            rows=range(conf.weather_rows_min, HOURS_A_MONTH * len(STATIONS) + 1),
            late_days=conf.newest_reading_late_days_max,
        ),
    }


def check(raw: Folder, receipt: Receipt, conf: FlightsConf) -> dict[str, dict[str, Findings]]:
    """What is wrong with each month, by month and kind; one month is held at a time."""
    kinds = expectations(conf)
    present = {name.removesuffix(_SUFFIX) for kind in kinds for name in raw.names(kind, _SUFFIX)}
    found: dict[str, dict[str, Findings]] = {}
    for month in sorted({*present, *conf.months()}):
        frames: dict[str, pd.DataFrame] = {}
        broken: dict[str, list[Violation]] = {kind: [] for kind in kinds}
        for kind, expected in kinds.items():
            frame, broken[kind] = _read(raw, kind, month, conf)
            if frame is not None:
                frames[kind] = frame
                broken[kind] += _broken(expected, frame, kind, month, conf)
        if "weather" in frames:
            broken["weather"] += _implausible(frames["weather"], month, conf)
        if len(frames) == len(kinds):
            broken["weather"] += _without_station(frames["flights"], frames["weather"], month)
        for kind in kinds:
            name = partition(kind, month)
            told = receipt.partitions[name].contradictions if name in receipt.partitions else ()
            broken[kind] += [Violation(name, f"sources contradict each other: {each}") for each in told]
        found[month] = {
            kind: Findings(rows=len(frames[kind]) if kind in frames else None, violations=tuple(broken[kind]))
            for kind in kinds
        }
    return found


def _read(raw: Folder, kind: str, month: str, conf: FlightsConf) -> tuple[pd.DataFrame | None, list[Violation]]:
    name = partition(kind, month)
    if month not in conf.months():
        return None, [Violation(name, f"not a month from {conf.first_month} to {conf.last_month}")]
    try:
        return read_raw(raw, name), []
    except FileNotFoundError:
        return None, [Violation(name, "the month is missing")]
    except (pa.ArrowInvalid, OSError) as error:
        return None, [Violation(name, f"not a whole Parquet file ({str(error).splitlines()[0]})")]


def _broken(expected: Expected, frame: pd.DataFrame, kind: str, month: str, conf: FlightsConf) -> Iterator[Violation]:
    name = partition(kind, month)
    yield from violations(expected.model, frame, name)
    volume = expected.rows
    if len(frame) not in volume:
        yield Violation(name, f"holds {len(frame):,} rows, expected {volume.start:,} to {volume.stop - 1:,}")
    if not _are_numbers(frame, "year", "month", "day"):
        return
    year, number = map(int, month.split("-"))
    strays = frame.index[(frame["year"] != year) | (frame["month"] != number)]
    if len(strays):
        yield Violation(name, "rows of another month", len(strays), f"row {strays[0]}")
    newest, needed = frame["day"].max(), calendar.monthrange(year, number)[1] - expected.late_days
    if month == conf.last_month and pd.notna(newest) and newest < needed:
        yield Violation(
            name, f"its newest row is of day {newest}, expected day {needed} or later: the data are not fresh"
        )


def _are_numbers(frame: pd.DataFrame, *columns: str) -> bool:
    """Of a column that is missing or of another type no more can be asked; the contract has said so already."""
    return all(name in frame.columns and pd.api.types.is_numeric_dtype(frame[name]) for name in columns)


def _implausible(readings: pd.DataFrame, month: str, conf: FlightsConf) -> Iterator[Violation]:
    """A few wrong readings are to be expected and become missing values; many mean a broken source."""
    if _are_numbers(readings, "wind_speed"):
        wrong = readings.index[readings["wind_speed"] > conf.wind_speed_mph_max]
        if len(wrong) > conf.implausible_share_max * len(readings):
            rule = f"wind_speed above {conf.wind_speed_mph_max:g} mph"
            yield Violation(partition("weather", month), rule, len(wrong), f"row {wrong[0]}")


def _without_station(flights: pd.DataFrame, readings: pd.DataFrame, month: str) -> Iterator[Violation]:
    """Every airport that flights leave from has a weather station that reports."""
    if "origin" in flights.columns and "origin" in readings.columns:
        for origin, leaving in flights["origin"].value_counts().sort_index().items():
            if origin in STATIONS and origin not in set(readings["origin"]):
                yield Violation(partition("weather", month), f"no reading of {origin}, where {leaving:,} flights leave")


def main() -> None:
    conf, raw, quality = FlightsConf.from_environment(), step.read_from("raw"), step.write_to("quality")
    receipt = Receipt.model_validate(step.read_from("receipt").read_json(RECEIPT_FILE))
    found = check(raw, receipt, conf)
    months = {month: MonthQuality.of(**kinds) for month, kinds in found.items()}
    checks = [kinds[kind].check(f"{kind}.{month}") for month, kinds in found.items() for kind in kinds]
    quality.write_json(QUALITY_FILE, Quality(partitions=months).model_dump())
    quality.write_json(CHECKS_FILE, [check.model_dump() for check in checks])
    good = [month for month, each in months.items() if each.verdict == "good"]
    for month in sorted(months.keys() - set(good)):
        text = report(month, months[month], receipt)
        quality.write_bytes(report_name(month), text.encode())
        print(text)
    rows = sum(months[month].rows or 0 for month in good)
    print(f"{rows:,} flights in {len(good)} months keep their contract; {len(months) - len(good)} are in quarantine")


if __name__ == "__main__":
    main()
