"""Times as people say them."""

from datetime import UTC, datetime

UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def ago(moment: datetime, now: datetime) -> str:
    """ "3 minutes ago"; whatever is less than a second old, or slightly ahead of our clock, is "just now"."""
    seconds = int((now - moment).total_seconds())
    for size, name in UNITS:
        if seconds >= size:
            count = seconds // size
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return "just now"


def exact(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
