"""The columns of the flight data, by when they are known."""

# Of the raw flights: set when the timetable is made, so known before any departure.
SCHEDULE = (
    "year", "month", "day", "sched_dep_time", "sched_arr_time", "carrier", "flight", "origin", "dest",
    "distance", "hour", "minute", "time_hour",
)  # fmt: skip
# Of the raw flights: known only once the aircraft has moved. Nothing that predicts may see them. The tail number
# is among them because the aircraft is assigned, and changed, up to the departure.
OUTCOME = ("dep_time", "dep_delay", "arr_time", "arr_delay", "tailnum", "air_time")
KEY = ("year", "month", "day", "carrier", "flight", "origin")

CATEGORICAL = ("carrier", "origin", "destination")
FEATURES = (
    "month", "day_of_week", "scheduled_departure_minute", "scheduled_arrival_minute",
    *CATEGORICAL,
    "distance_miles", "temperature_f", "dew_point_f", "humidity_percent", "wind_speed_mph",
    "precipitation_inches", "pressure_millibars", "visibility_miles",
)  # fmt: skip
LABEL = "late"
# Of the features' files, beside features and label: what identifies a row and proves that it is honest.
SCHEDULED_AT = "scheduled_departure_at"
KNOWN_AT = "weather_known_at"
