"""The measurements that README shows are those that were made."""

from __future__ import annotations

import json
from typing import Any

from bench.table import README, RESULTS, lines_of, with_table


def told() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RESULTS.read_text())
    return found


def test_readme_shows_the_results() -> None:
    """Run `python -m bench.table` to draw the table anew."""
    shown = README.read_text()
    assert with_table(shown, told()) == shown
    for line in lines_of(told()["results"]):
        assert line in shown


def test_every_result_says_what_was_promised_and_whether_it_held() -> None:
    for each in told()["results"]:
        assert set(each) == {"name", "ours", "peer", "ratio", "goal", "met"}
        assert (each["met"] is None) == (each["goal"] == ""), each


def test_a_missed_goal_is_not_hidden() -> None:
    row = {"name": "Fly", "ours": "2 s", "peer": "1 s, a bird", "ratio": 2.0, "goal": "≤ 1×"}
    assert (
        lines_of([row | {"met": False}])[-1]
        == "| Fly | 2 s | 1 s, a bird | 2× | ≤ 1× | **missed** |"
    )
    assert lines_of([row | {"met": True}])[-1].endswith("| met |")
