"""Logging: one line per event on standard error, whatever the event holds."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

# What would end or forge a line, or steer the terminal that shows it.
_ESCAPES: dict[int, str] = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))
} | {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r", 0x85: "\\x85", 0x2028: "\\u2028", 0x2029: "\\u2029"}


class OneLine(logging.Formatter):
    """`2026-03-31T12:00:00.123Z info massadmin.runs.execute run=7 chunk=3 …`, times in UTC.

    Line breaks and control characters in values are escaped, so that nothing that a file or a
    visitor brings along can pass for an event of its own. A traceback follows in the same line.
    """

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        text = f"{self.formatTime(record)} {record.levelname.lower()} {record.name} "
        text += record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            text += " | " + self.formatException(record.exc_info)
        return text.translate(_ESCAPES)


class _ToStandardError(logging.StreamHandler[Any]):
    """Writes to whatever `sys.stderr` is at the time of the event."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr

    @stream.setter
    def stream(self, value: Any) -> None:
        """Needed by the base class only."""


def setup(level: str) -> None:
    """Log events of `level` (debug, info, warning, error) and above; may be called again.

    Other people's packages are only heard from `warning` on, or everything of theirs would be.
    """
    root = logging.getLogger()
    if not any(isinstance(each, _ToStandardError) for each in root.handlers):
        handler = _ToStandardError()
        handler.setFormatter(OneLine())
        root.addHandler(handler)
    number = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(max(number, logging.WARNING))
    logging.getLogger("massadmin").setLevel(number)
    # Redis' own client and RQ announce each lost connection; so do we, once.
    logging.getLogger("rq").setLevel(max(number, logging.ERROR))
