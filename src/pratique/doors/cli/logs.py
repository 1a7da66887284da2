"""Log lines of a serving process: a constant phrase and fields, on standard error."""

from __future__ import annotations

import logging
import sys

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class _Fields(logging.Formatter):
    """`2026-03-24T10:39:00Z warning upstream failed upstream=public error=…`."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(
            f"{key}={value}" if _is_plain(str(value)) else f"{key}={str(value)!r}"
            for key, value in record.__dict__.items()
            if key not in _STANDARD
        )
        line = f"{self.formatTime(record)} {record.levelname.lower()} {record.getMessage()}"
        line = f"{line} {fields}" if fields else line
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return line


def configure_logs(*, verbose: bool) -> None:
    """Send the product's own log lines to standard error; libraries stay at warnings."""
    import time  # noqa: PLC0415 - only the converter is needed

    handler = logging.StreamHandler(sys.stderr)
    formatter = _Fields()
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("pratique").setLevel(logging.INFO if verbose else logging.WARNING)


def _is_plain(text: str) -> bool:
    """Whether a value may stand unquoted: nothing in it can look like another field or line."""
    return text.isprintable() and not any(c in text for c in " ='\"")
