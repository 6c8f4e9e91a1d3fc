"""Features: what is known of a flight before its scheduled departure, and whether it came late.

Weather is joined as it was known: a reading carries the hour in which it was taken (the stations report at
minute 51), so it counts as known when that hour has ended, and a flight gets the newest reading that was known
at its scheduled departure. `build` is never given a column that is known only later.
"""

from collections import Counter

import pandas as pd
import pyarrow as pa

from pipelines import step
from pipelines.flights.columns import FEATURES, KEY, KNOWN_AT, LABEL, OUTCOME, SCHEDULE, SCHEDULED_AT
from pipelines.flights.conf import FlightsConf
from pipelines.flights.contracts.features import Features
from pipelines.flights.contracts.labels import Labels
from pipelines.flights.contracts.violations import violations
from pipelines.flights.validate import read_raw
from pipelines.storage import Folder

_WEATHER = {
    "temp": "temperature_f",
    "dewp": "dew_point_f",
    "humid": "humidity_percent",
    "wind_speed": "wind_speed_mph",
    "precip": "precipitation_inches",
    "pressure": "pressure_millibars",
    "visib": "visibility_miles",
}


def known_weather(readings: pd.DataFrame, wind_speed_mph_max: float) -> pd.DataFrame:
    """Readings of all stations by the time at which they were known; impossible wind speeds are missing."""
    known = readings[["origin", *_WEATHER]].rename(columns=_WEATHER)
    known["wind_speed_mph"] = known["wind_speed_mph"].where(known["wind_speed_mph"] <= wind_speed_mph_max)
    known[KNOWN_AT] = readings["time_hour"] + pd.Timedelta(hours=1)
    return known.sort_values(KNOWN_AT, kind="stable")


def build(schedule: pd.DataFrame, weather: pd.DataFrame, weather_age_hours_max: int) -> pd.DataFrame:
    """Features of each row of `schedule` (columns `SCHEDULE`), with `weather` from `known_weather`."""
    rows = pd.DataFrame(
        {
            "year": schedule["year"].astype("int64"),
            "flight": schedule["flight"].astype("int64"),
            "day": schedule["day"].astype("int64"),
            SCHEDULED_AT: schedule["time_hour"] + pd.to_timedelta(schedule["minute"].astype("int64"), unit="min"),
            "month": schedule["month"].astype("int64"),
            "day_of_week": _iso_weekday(schedule),
            "scheduled_departure_minute": _minute_of_day(schedule["sched_dep_time"]),
            "scheduled_arrival_minute": _minute_of_day(schedule["sched_arr_time"]),
            "carrier": schedule["carrier"],
            "origin": schedule["origin"],
            "destination": schedule["dest"],
            "distance_miles": schedule["distance"].astype("int64"),
        }
    )
    rows[SCHEDULED_AT] = rows[SCHEDULED_AT].dt.as_unit("ms")
    rows["row"] = rows.index
    joined = pd.merge_asof(
        rows.sort_values(SCHEDULED_AT, kind="stable"),
        weather.assign(**{KNOWN_AT: weather[KNOWN_AT].dt.as_unit("ms")}),
        left_on=SCHEDULED_AT,
        right_on=KNOWN_AT,
        by="origin",
        tolerance=pd.Timedelta(hours=weather_age_hours_max),
    )
    return joined.set_index("row").loc[schedule.index].rename_axis(None)


def _iso_weekday(schedule: pd.DataFrame) -> "pd.Series[int]":
    """Monday is 1."""
    return pd.to_datetime(schedule[["year", "month", "day"]].astype("int64")).dt.day_of_week.astype("int64") + 1


def _minute_of_day(hhmm: "pd.Series[int]") -> "pd.Series[int]":
    return (hhmm // 100 * 60 + hhmm % 100).astype("int64")


def why_without_label(outcome: pd.DataFrame) -> "pd.Series[str]":
    """Of each flight without an arrival delay (by index): the source gives no delay to a flight that never left,
    nor to one that was diverted and came in later; of the rest it holds no arrival at all."""
    unlabelled = outcome[outcome["arr_delay"].isna()]
    reason = pd.Series("unknown", index=unlabelled.index, dtype="str")
    reason[unlabelled["arr_time"].notna()] = "diverted"
    reason[unlabelled["dep_time"].isna()] = "cancelled"
    return reason


def month_of_features(
    raw: Folder, month: str, weather: pd.DataFrame, conf: FlightsConf
) -> tuple[pd.DataFrame, pd.DataFrame, Counter[str]]:
    """Features and labels of the flights of a month that have both, and why the others are excluded."""
    partition = f"flights/{month}.parquet"
    outcome = read_raw(raw, partition, list(OUTCOME))
    excluded = why_without_label(outcome)
    features = build(read_raw(raw, partition, list(SCHEDULE)), weather, conf.weather_age_hours_max)
    kept = features.drop(index=excluded.index)
    late = (outcome.loc[kept.index, "arr_delay"] > conf.late_after_minutes).astype(bool)
    labels = kept[list(KEY)].assign(**{LABEL: late})
    return kept.reset_index(drop=True), labels.reset_index(drop=True), Counter(excluded)


def table_of(frame: pd.DataFrame) -> pa.Table:
    """Without pandas' own metadata: the types of the columns say it all."""
    # pyarrow 25 warns when it converts a time zone from pandas 3.1, so the zone is added behind it.
    zoned = [name for name in (SCHEDULED_AT, KNOWN_AT) if name in frame.columns]
    naive = frame.assign(**{name: frame[name].dt.tz_convert(None) for name in zoned})
    table = pa.Table.from_pandas(naive, preserve_index=False).replace_schema_metadata(None)
    utc = pa.timestamp("ms", tz="UTC")
    fields = [field.with_type(utc) if field.name in zoned else field for field in table.schema]
    return table.cast(pa.schema(fields))


def main() -> None:
    conf = FlightsConf.from_environment()
    raw, features, labels = step.read_from("raw"), step.write_to("features"), step.write_to("labels")
    readings = pd.concat([read_raw(raw, f"weather/{month}.parquet") for month in conf.months()], ignore_index=True)
    weather = known_weather(readings, conf.wind_speed_mph_max)
    excluded: Counter[str] = Counter()
    months: dict[str, dict[str, float]] = {}
    for month in conf.months():
        frame, outcome, without_label = month_of_features(raw, month, weather, conf)
        if found := [*violations(Features, frame, month), *violations(Labels, outcome, month)]:
            step.fail("features or labels break their contract:\n  " + "\n  ".join(map(str, found)))
        features.write_table(f"{month}.parquet", table_of(frame))
        labels.write_table(f"{month}.parquet", table_of(outcome))
        excluded.update(without_label)
        late, blind = float(outcome[LABEL].mean()), int(frame[KNOWN_AT].isna().sum())
        months[month] = {"rows": len(frame), "late_share": late, "without_weather": blind}
    rows = sum(int(facts["rows"]) for facts in months.values())
    summary = {
        "rows_in": rows + excluded.total(),
        "rows": rows,
        "excluded": dict(excluded),
        "features": list(FEATURES),
        "months": months,
    }
    features.write_json("summary.json", summary)
    print(f"{rows + excluded.total():,} flights in, {rows:,} with a label")
    print(f"excluded {excluded.total():,}: " + ", ".join(f"{count:,} {why}" for why, count in sorted(excluded.items())))
    for month, facts in months.items():
        counts = f"{facts['rows']:>7,} flights  {facts['late_share']:6.1%} late"
        print(f"  {month}  {counts}  {facts['without_weather']:>4} without weather")


if __name__ == "__main__":
    main()
