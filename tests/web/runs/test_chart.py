"""The geometry of the throughput chart."""

from __future__ import annotations

import pytest

from massadmin.web.runs.chart import HEIGHT, WIDTH, chart_of, nice_above


def test_bars_are_rates_within_the_drawing() -> None:
    chart = chart_of([(2.0, 100), (4.0, 300), (6.0, 0)])
    assert chart
    assert [bar.per_second for bar in chart.bars] == [50, 150, 0]
    assert (chart.peak, round(chart.mean, 2)) == (150, 66.67)
    assert chart.ups == ["200", "100", "0"]
    assert chart.times == ["0 s", "3.0 s", "6.0 s"]
    for bar in chart.bars:
        assert bar.x >= 0
        assert bar.x + bar.width <= WIDTH
        assert bar.y + bar.height == pytest.approx(HEIGHT)
    assert (chart.bars[1].since, chart.bars[1].until) == (2.0, 4.0)


@pytest.mark.parametrize("points", [[], [(0.5, 100)]])
def test_too_little_is_not_drawn(points: list[tuple[float, int]]) -> None:
    assert chart_of(points) is None


@pytest.mark.parametrize(
    ("value", "top"),
    [(0, 1), (0.035, 0.04), (1, 1), (1.01, 2), (3.1, 4), (5.2, 6), (9, 10), (999, 1000)],
)
def test_the_axis_ends_on_a_round_number(value: float, top: float) -> None:
    assert nice_above(value) == pytest.approx(top)
