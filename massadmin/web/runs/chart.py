"""The throughput of a run as bars: geometry for an SVG, labels for the page around it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from massadmin.web.formats import duration, number

# The SVG is stretched to the page, so these are only proportions; text stands outside it.
WIDTH, HEIGHT = 1_000, 100
# Share of its slot that a bar fills.
FILL = 0.82


@dataclass(frozen=True)
class Bar:
    """One interval: where its bar stands, and its numbers. Times are seconds since the start."""

    x: float
    y: float
    width: float
    height: float
    since: float
    until: float
    records: int
    per_second: float


@dataclass(frozen=True)
class Chart:
    """Bars from left to right, and the labels of both axes: `ups` from the top down."""

    bars: list[Bar]
    ups: list[str]
    times: list[str]
    peak: float
    mean: float


def chart_of(points: list[tuple[float, int]]) -> Chart | None:
    """A chart of `(seconds since the start, records)` per interval of equal length; None when
    there is too little to draw."""
    if len(points) < 2:
        return None
    step = points[0][0]
    rates = [records / step for _, records in points]
    top = nice_above(max(rates))
    slot = WIDTH / len(points)
    bars = []
    for place, ((until, records), rate) in enumerate(zip(points, rates, strict=True)):
        height = HEIGHT * rate / top
        bars.append(
            Bar(
                x=round(slot * (place + (1 - FILL) / 2), 2),
                y=round(HEIGHT - height, 2),
                width=round(slot * FILL, 2),
                height=round(height, 2),
                since=until - step,
                until=until,
                records=records,
                per_second=rate,
            )
        )
    span = points[-1][0]
    return Chart(
        bars=bars,
        ups=[_tick(top), _tick(top / 2), "0"],
        times=["0 s", short(span / 2), short(span)],
        peak=max(rates),
        mean=sum(records for _, records in points) / span,
    )


def nice_above(value: float) -> float:
    """The next of 1, 2, 3, 4, 5, 6, 8 or 10 times a power of ten that is not below `value`."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    for factor in (1, 2, 3, 4, 5, 6, 8, 10):
        if value <= factor * power * (1 + 1e-9):
            return factor * power
    return 10 * power


def short(seconds: float) -> str:
    """A time on the axis: with a decimal below ten seconds, with two below one."""
    return f"{seconds:.{1 if seconds >= 1 else 2}f} s" if seconds < 10 else duration(seconds)


def _tick(value: float) -> str:
    return number(round(value)) if value >= 10 or value == round(value) else f"{value:.1f}"
