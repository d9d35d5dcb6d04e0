"""`python -m bench.table`: draw `bench/results.json` as the table of measurements in README."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results.json"
README = Path(__file__).parent.parent / "README.md"
MARKS = re.compile(r"(<!-- bench -->\n).*?(<!-- /bench -->)", re.DOTALL)


def drawn(told: dict[str, Any]) -> str:
    """What stands between the marks: the machine in a sentence, and the table."""
    machine = told["machine"]
    sentence = (
        f"Measured on {machine['processor']}, {machine['cores']} cores, {machine['memory']}, "
        f"PostgreSQL {machine['postgresql']}, Valkey {machine['valkey']}, "
        f"Python {machine['python']}, {machine['date']}; {machine['contacts']:,} contacts, "
        f"medians of {machine['repeat']}."
    )
    return "\n".join([sentence, "", *lines_of(told["results"])]) + "\n"


def lines_of(results: list[dict[str, Any]]) -> list[str]:
    """The table, a line each."""
    lines = ["| what | massadmin | beside | ratio | goal | |", "|---|--:|--:|--:|--:|---|"]
    for each in results:
        ratio = "" if each["ratio"] is None else f"{each['ratio']:g}×"
        met = {True: "met", False: "**missed**", None: ""}[each["met"]]
        cells = (each["name"], each["ours"], each["peer"], ratio, each["goal"], met)
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def with_table(readme: str, told: dict[str, Any]) -> str:
    """`readme` with the table drawn anew."""
    return MARKS.sub(lambda found: found.group(1) + drawn(told) + found.group(2), readme)


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(), json.loads(RESULTS.read_text())))
    sys.stdout.write("README.md has the table of measurements.\n")
