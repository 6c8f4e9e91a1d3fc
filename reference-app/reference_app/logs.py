"""One JSON object a line on standard output, for the log collector rather than for eyes."""

import json
import logging
import sys
from datetime import UTC, datetime

FIELDS = "fields"  # what `extra={FIELDS: {...}}` adds to a line


class JsonFormatter(logging.Formatter):
    """Times are UTC in RFC 3339."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure_logs() -> None:
    """Everything at INFO and above, ours and the server's, in one form."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # The warning about a captured deprecation belongs in the log too, not loose on standard error.
    logging.captureWarnings(True)
