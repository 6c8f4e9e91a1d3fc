"""What a passenger would send for a flight of the timetable."""

import json
from collections.abc import Mapping
from typing import Any

from pipelines.flights.columns import FEATURES

WEATHER = FEATURES[FEATURES.index("distance_miles") + 1 :]


def request(scheduled: Mapping[str, Any], known: Mapping[str, Any]) -> bytes:
    """`scheduled` is a row of the raw timetable, `known` the same row of the pipeline's features."""
    departure, arrival = int(scheduled["sched_dep_time"]), int(scheduled["sched_arr_time"])
    return json.dumps(
        {
            "date": f"{scheduled['year']}-{scheduled['month']:02d}-{scheduled['day']:02d}",
            "scheduled_departure": f"{departure // 100:02d}:{departure % 100:02d}",
            "scheduled_arrival": f"{arrival // 100:02d}:{arrival % 100:02d}",
            "carrier": scheduled["carrier"],
            "origin": scheduled["origin"],
            "destination": scheduled["dest"],
            **{name: known[name] for name in WEATHER},
        }
    ).encode()
