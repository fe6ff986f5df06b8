"""Log lines as JSON objects, one a line, on the error stream."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

FACTS = "facts"
"""Attribute of a log record with further keys, given as `extra={FACTS: {...}}`."""
_LOGGERS = ("lle", "uvicorn")


class JsonLines(logging.Formatter):
    """Writes a record as a JSON object: `time`, `level`, `event`, and the record's facts. A line end in a text begins no new record."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, FACTS, {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True)


@contextmanager
def json_lines() -> Iterator[None]:
    """Has the loggers of the suite and of the server write JSON lines, in place of what they do else."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logs = [logging.getLogger(name) for name in _LOGGERS]
    before = [(log.handlers[:], log.propagate, log.level) for log in logs]
    try:
        for log in logs:
            log.handlers, log.propagate = [handler], False
            log.setLevel(min(logging.INFO, log.level or logging.INFO))
        yield
    finally:
        for log, (handlers, propagate, level) in zip(logs, before, strict=True):
            log.handlers, log.propagate = handlers, propagate
            log.setLevel(level)
