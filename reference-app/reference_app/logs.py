"""One JSON object a line on standard output, for the log collector rather than for eyes."""

import atexit
import json
import logging
import sys
from datetime import UTC, datetime

from reference_app.log_writer import LogWriter

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


class WriterHandler(logging.Handler):
    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        self._writer.write(f"{self.format(record)}\n".encode(errors="replace"))


def configure_logs() -> LogWriter:
    """Everything at INFO and above, ours and the server's, in one form and through one writer."""
    writer = LogWriter(sys.stdout.fileno())
    atexit.register(writer.close)
    handler = WriterHandler(writer)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # The warning about a captured deprecation belongs in the log too, not loose on standard error.
    logging.captureWarnings(True)
    return writer
