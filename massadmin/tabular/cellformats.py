"""Numbers of a worksheet as text: plain, or as ISO dates where their style says so."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Literal

DateKind = Literal["date", "time", "both", "elapsed"]

# Formats without a code of their own, from ECMA-376 part 1, 18.8.30 (numFmt); 27 to 36 and 50 to
# 58 are the dates of Chinese, Japanese and Korean versions of Excel.
_BUILT_IN: dict[int, DateKind] = dict.fromkeys((*range(14, 18), *range(27, 32), 36), "date")
_BUILT_IN |= dict.fromkeys((*range(50, 59),), "date")
_BUILT_IN |= dict.fromkeys((18, 19, 20, 21, 32, 33, 34, 35, 45, 47), "time")
_BUILT_IN |= {22: "both", 46: "elapsed"}

# What stands in quotation marks, behind a backslash, underscore or star, or in brackets other
# than those of elapsed time, is not part of the pattern.
_LITERALS = re.compile(r'"[^"]*"|[\\_*].|\[(?![hms]+\])[^\]]*\]', re.I)
_ELAPSED = re.compile(r"\[[hms]+\]", re.I)

_SECONDS_A_DAY = 86_400
_LAST_DAY = 2_958_466  # the day after 9999-12-31
_NO_SUCH_DAY = 60  # 1900-02-29, which Excel counts though it never was


def date_kind(format_id: int, code: str | None) -> DateKind | None:
    """What a number format shows, or None when it shows a number."""
    if code is None:
        return _BUILT_IN.get(format_id)
    pattern = _LITERALS.sub("", code.split(";")[0]).lower()
    if _ELAPSED.search(pattern):
        return "elapsed"
    if "general" in pattern:
        return None
    time = "h" in pattern or "s" in pattern
    date = "d" in pattern or "y" in pattern or ("m" in pattern and not time)
    if date:
        return "both" if time else "date"
    return "time" if time else None


def number_text(raw: str) -> str:
    """A number with the 15 digits that a spreadsheet shows, never with an exponent or ".0"."""
    if raw.isdigit() and len(raw) <= 15:
        return raw
    try:
        value = float(raw)
    except ValueError:
        return raw
    if not isfinite(value):
        return raw
    text = format(value, ".15g")
    return format(Decimal(text), "f") if "e" in text else text


def date_text(raw: str, kind: DateKind, since_1904: bool) -> str:
    """A day count as ISO 8601: 2024-05-31, 2024-05-31T14:30:00, 14:30:00, or hours:mm:ss.

    A count that is no day of the calendar stays a number.
    """
    try:
        days = float(raw)
    except ValueError:
        return raw
    if not 0 <= days < _LAST_DAY:
        return number_text(raw)
    # Counts are fractions of a day: whole seconds are off by some microseconds.
    seconds = round(days * _SECONDS_A_DAY, 3)
    whole = int(seconds)
    thousandths = round((seconds - whole) * 1000)
    clock = f"{whole % _SECONDS_A_DAY // 3600:02}:{whole % 3600 // 60:02}:{whole % 60:02}"
    if thousandths:
        clock += f".{thousandths:03}"
    if kind == "elapsed":
        return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"
    if kind == "time" and days < 1:
        return clock
    day = whole // _SECONDS_A_DAY
    if since_1904:
        date = datetime(1904, 1, 1) + timedelta(days=day)  # noqa: DTZ001  # sheets know no zone
    elif day == _NO_SUCH_DAY:
        return number_text(raw)
    else:
        shift = 0 if day < _NO_SUCH_DAY else 1
        date = datetime(1899, 12, 31) + timedelta(days=day - shift)  # noqa: DTZ001  # the same
    if kind == "date" and whole % _SECONDS_A_DAY == 0:
        return date.date().isoformat()
    return f"{date.date().isoformat()}T{clock}"
