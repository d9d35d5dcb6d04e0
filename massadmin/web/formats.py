"""How numbers, times and sizes read on a page. Times are shown in the reader's own zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, current_app, has_request_context
from flask_login import current_user
from markupsafe import Markup

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_SHAPES = {"date": "%b %Y", "minute": "%b %Y, %H:%M", "second": "%b %Y, %H:%M:%S"}
_AGO = (
    (365 * 86_400, " year", " years"),
    (30 * 86_400, " month", " months"),
    (86_400, " day", " days"),
    (3_600, " h", " h"),
    (60, " min", " min"),
)


def zone() -> ZoneInfo:
    """The zone of whoever is signed in; else, or when they chose none, the installation's."""
    chosen = current_user.timezone if has_request_context() and _signed_in() else None
    return ZoneInfo(chosen or current_app.config["SETTINGS"].timezone)


def number(value: float | None) -> str:
    """`12,431`; a dash for None."""
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def moment(
    value: datetime | None, style: str = "minute", *, where: ZoneInfo | None = None
) -> Markup:
    """A `<time>` such as `22 Nov 2026, 16:08`; `style` is date, minute or second.

    `where` is the reader's zone, for whoever shows many and has asked for it once.
    """
    if value is None:
        return Markup("–")
    local = _aware(value).astimezone(where or zone())
    words = f"{local.day} {local:{_SHAPES[style]}}"
    return _time(local.isoformat(), local.isoformat(sep=" ", timespec="seconds"), words)


def ago(value: datetime | None, now: datetime | None = None) -> Markup:
    """A `<time>` such as `3 min ago` or `in 2 days`, the exact time on hovering. Minutes and hours
    are as short as in durations: they stand in columns."""
    if value is None:
        return Markup("–")
    exact = _aware(value)
    seconds = ((now or datetime.now(UTC)) - exact).total_seconds()
    words = "just now"
    for size, one, many in _AGO:
        count = int(abs(seconds) // size)
        if count:
            amount = f"{count}{one if count == 1 else many}"
            words = f"{amount} ago" if seconds > 0 else f"in {amount}"
            break
    local = exact.astimezone(zone())
    return _time(local.isoformat(), f"{local.day} {local:%b %Y, %H:%M:%S %Z}", words)


def duration(seconds: float | None) -> str:
    """Seconds as `1 h 12 min`: the two largest units that count; `under 1 s` below one."""
    if seconds is None:
        return "–"
    rest = round(seconds) if seconds >= 1 else 0
    if not rest:
        return "under 1 s"
    parts: list[tuple[int, str]] = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append((count, unit))
    return " ".join(f"{count} {unit}" for count, unit in parts[:2] if count)


def filesize(size: float | None) -> str:
    """Bytes as `1.4 MB`, in steps of 1,000."""
    if size is None:
        return "–"
    value = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1_000:
            return (
                f"{value:.0f} {unit}" if unit == "bytes" or value >= 100 else f"{value:.1f} {unit}"
            )
        value /= 1_000
    return f"{value:,.1f} TB"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 contact`, `12,431 contacts`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def init_app(app: Flask) -> None:
    filters: dict[str, Any] = {
        "ago": ago,
        "datetime": moment,
        "duration": duration,
        "filesize": filesize,
        "number": number,
        "plural": plural,
    }
    app.jinja_env.filters.update(filters)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def _time(exact: str, hovered: str, words: str) -> Markup:
    # Digits, month names and what stands here: nothing to escape, and a page has a hundred.
    return Markup(f'<time datetime="{exact}" title="{hovered}">{words}</time>')  # noqa: S704  # see the line above


def _aware(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _signed_in() -> bool:
    return bool(current_user and current_user.is_authenticated)
