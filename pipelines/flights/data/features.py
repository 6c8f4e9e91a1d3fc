"""Features: what is known of a flight before its scheduled departure; and apart from them, whether it came late.

Weather is joined as it was known: a reading carries the hour in which it was taken (the stations report at
minute 51), so it counts as known when that hour has ended, and a flight gets the newest reading that was known
at its scheduled departure. `build` is never given a column that is known only later.

Months in quarantine are left out. The first flights of a month use the last readings of the month before; are those
in quarantine, they have no weather, as after any gap.
"""

import polars as pl
import pyarrow as pa

from infra.contracts.pipelines import CHECKS_FILE, Check
from pipelines import step
from pipelines.flights.columns import CATEGORICAL, FEATURES, KEY, KNOWN_AT, LABEL, OUTCOME, SCHEDULE, SCHEDULED_AT
from pipelines.flights.conf import FlightsConf, months_between
from pipelines.flights.data.contracts.features import Features
from pipelines.flights.data.contracts.labels import Labels, unmatched
from pipelines.flights.data.contracts.violations import Violation, violations
from pipelines.flights.data.frames import read_frame, write_frame
from pipelines.flights.data.quality import QUALITY_FILE, Quality, report_name
from pipelines.flights.data.raw import partition
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
_UTC = pl.Datetime("ms", "UTC")
_WORDS = ("carrier", "origin", *CATEGORICAL)
_TYPES = (
    dict.fromkeys((*KEY, *FEATURES), pa.int64())
    | dict.fromkeys(_WEATHER.values(), pa.float64())
    | dict.fromkeys(_WORDS, pa.string())
    | dict.fromkeys((SCHEDULED_AT, KNOWN_AT), pa.timestamp("ms", tz="UTC"))
)
FEATURES_SCHEMA = pa.schema(_TYPES)
LABELS_SCHEMA = pa.schema({name: _TYPES[name] for name in KEY} | {LABEL: pa.bool_()})


def known_weather(readings: pl.DataFrame, wind_speed_mph_max: float) -> pl.DataFrame:
    """Readings of all stations by the time at which they were known; impossible wind speeds are missing."""
    return (
        readings.select(
            "origin",
            *(pl.col(name).alias(feature) for name, feature in _WEATHER.items()),
            (pl.col("time_hour") + pl.duration(hours=1)).cast(_UTC).alias(KNOWN_AT),
        )
        .with_columns(pl.when(pl.col("wind_speed_mph") <= wind_speed_mph_max).then("wind_speed_mph"))
        .sort(KNOWN_AT)
    )


def build(schedule: pl.DataFrame, weather: pl.DataFrame, weather_age_hours_max: int) -> pl.DataFrame:
    """Features of each row of `schedule` (columns `SCHEDULE`) in its order, with `weather` from `known_weather`."""
    whole = pl.col("year", "month", "day", "flight", "distance", "minute").cast(pl.Int64)
    rows = schedule.with_columns(whole).select(
        *KEY,
        (pl.col("time_hour") + pl.duration(minutes="minute")).cast(_UTC).alias(SCHEDULED_AT),
        pl.date("year", "month", "day").dt.weekday().cast(pl.Int64).alias("day_of_week"),  # Monday is 1
        _minute_of_day("sched_dep_time").alias("scheduled_departure_minute"),
        _minute_of_day("sched_arr_time").alias("scheduled_arrival_minute"),
        pl.col("dest").alias("destination"),
        pl.col("distance").alias("distance_miles"),
    )
    return (
        rows.with_row_index("row")
        .sort(SCHEDULED_AT, "row")
        .join_asof(
            weather,
            left_on=SCHEDULED_AT,
            right_on=KNOWN_AT,
            by="origin",
            strategy="backward",
            tolerance=f"{weather_age_hours_max}h",
            coalesce=False,
            check_sortedness=False,  # of the whole it is sure; Polars cannot see it by station
        )
        .sort("row")
        .select(FEATURES_SCHEMA.names)
    )


def _minute_of_day(hhmm: str) -> pl.Expr:
    known = pl.col(hhmm).cast(pl.Int64)
    return known // 100 * 60 + known % 100


def why_without_label(outcome: pl.DataFrame) -> pl.Series:
    """For each flight without an arrival delay, else null: the source gives no delay to a flight that never left,
    nor to one that was diverted and came in later; of the rest it holds no arrival at all."""
    reason = (
        pl.when(pl.col("arr_delay").is_not_null())
        .then(None)
        .when(pl.col("dep_time").is_null())
        .then(pl.lit("cancelled"))
        .when(pl.col("arr_time").is_not_null())
        .then(pl.lit("diverted"))
        .otherwise(pl.lit("unknown"))
    )
    return outcome.select(reason.alias("reason"))["reason"]


def weather_for(raw: Folder, month: str, quality: Quality, conf: FlightsConf) -> pl.DataFrame:
    """What is known of the weather in `month`, and of the end of the month before."""
    readings = [
        read_frame(raw, partition("weather", each))
        for each in months_between(conf.first_month, month)[-2:]
        if quality.has_weather(each)
    ]
    return known_weather(pl.concat(readings), conf.wind_speed_mph_max)


def month_of_features(
    raw: Folder, month: str, weather: pl.DataFrame, conf: FlightsConf
) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, int]]:
    """Features and labels of the flights of a month that have both, and how many others are excluded for what."""
    name = partition("flights", month)
    outcome = read_frame(raw, name, list(OUTCOME))
    reason = why_without_label(outcome)
    features = build(read_frame(raw, name, list(SCHEDULE)), weather, conf.weather_age_hours_max)
    late = (outcome["arr_delay"] > conf.late_after_minutes).alias(LABEL)
    labelled = reason.is_null()
    labels = features.select(KEY).with_columns(late).filter(labelled)
    return features.filter(labelled), labels, dict(sorted(reason.drop_nulls().value_counts().iter_rows()))


def broken(features: pl.DataFrame, labels: pl.DataFrame, month: str) -> list[Violation]:
    """What breaks the contracts of features and labels, and of the two together."""
    if labels.is_empty():
        return [Violation(month, "no flight has a label")]
    made, outcome = features.to_pandas(), labels.to_pandas()
    return [*violations(Features, made, month), *violations(Labels, outcome, month), *unmatched(made, outcome, month)]


def main() -> None:
    conf = FlightsConf.from_environment()
    raw, judged = step.read_from("raw"), step.read_from("quality")
    features, labels = step.write_to("features"), step.write_to("labels")
    quality = Quality.model_validate(judged.read_json(QUALITY_FILE))
    quarantined = quality.months("quarantined")
    for month in quarantined:
        features.write_bytes(report_name(month), judged.read_bytes(report_name(month)))
    excluded: dict[str, int] = {}
    months: dict[str, dict[str, float]] = {}
    for month in quality.months("good"):
        made, outcome, without_label = month_of_features(raw, month, weather_for(raw, month, quality, conf), conf)
        if found := broken(made, outcome, month):
            labels.write_json(CHECKS_FILE, [check(months, found).model_dump()])
            step.fail("features or labels break their contract:\n  " + "\n  ".join(map(str, found)))
        write_frame(features, f"{month}.parquet", made, FEATURES_SCHEMA)
        write_frame(labels, f"{month}.parquet", outcome, LABELS_SCHEMA)
        for why, count in without_label.items():
            excluded[why] = excluded.get(why, 0) + count
        late, blind = int(outcome[LABEL].sum()) / outcome.height, made[KNOWN_AT].null_count()
        months[month] = {"rows": made.height, "late_share": late, "without_weather": blind}
    rows = sum(int(facts["rows"]) for facts in months.values())
    left_out = sum(excluded.values())
    summary = {
        "rows_in": rows + left_out,
        "rows": rows,
        "excluded": excluded,
        "features": list(FEATURES),
        "months": months,
        "quarantined": quarantined,
    }
    features.write_json("summary.json", summary)
    labels.write_json(CHECKS_FILE, [check(months, []).model_dump()])
    print(f"{rows + left_out:,} flights in, {rows:,} with a label")
    print(f"excluded {left_out:,}: " + ", ".join(f"{count:,} {why}" for why, count in sorted(excluded.items())))
    for month, facts in months.items():
        counts = f"{facts['rows']:>7,} flights  {facts['late_share']:6.1%} late"
        print(f"  {month}  {counts}  {facts['without_weather']:>4} without weather")
    for month in quarantined:
        print(f"  {month}  in quarantine, see {report_name(month)}")


def check(months: dict[str, dict[str, float]], found: list[Violation]) -> Check:
    """Of features and labels together, as evidence; the first month that breaks a contract ends the step."""
    flights = f"{sum(int(facts['rows']) for facts in months.values()):,} flights of {len(months)} months"
    summary = "; ".join(map(str, found)) or f"features and labels of {flights} keep their contracts, one to one"
    return Check(name="features.contract", suite="data", is_passed=not found, summary=summary)


if __name__ == "__main__":
    main()
