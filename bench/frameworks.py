"""Bulk changes beside those of Django. Its ways are slow, so it is given fewer records, and what
is compared is the time per record."""

from __future__ import annotations

from collections.abc import Callable

from bench import peers
from bench.measuring import Bench, Row, faster, measure, seconds
from bench.runs import do, first
from massadmin.cli.aside import started

OURS = 100_000
SAVED = 5_000
BULK_UPDATED = 20_000


def _ours(bench: Bench) -> float:
    """Seconds per record of a whole run, freezing included."""
    value = {"set.source": bench.mark()}
    count = min(OURS, bench.total)

    def work() -> None:
        run = started(bench.user, "update_fields", value, first(count), expected=count)
        do(run, count)

    return seconds(work) / count


def _beside(
    bench: Bench,
    what: str,
    name: str,
    peer: Callable[[str, int], None],
    count: int,
    goal: float | None = None,
) -> list[Row]:
    """The row `what`: a record's share of a whole run, and of Django's `peer(value, count)`."""
    count = min(count, bench.total)
    peer(bench.mark(), min(100, count))
    ours, theirs = bench.alternate(
        lambda: _ours(bench), lambda: seconds(lambda: peer(bench.mark(), count)) / count
    )
    return [faster(what, ours, theirs, goal, f"Django, {name} ({count:,} records)")]


@measure
def django_save(bench: Bench) -> list[Row]:
    """Update one column, beside a loop of save() as an action of Django's admin has it."""
    what = "Update one column, freezing included"
    return _beside(bench, what, "save() in a loop", peers.save_loop, SAVED, 20)


@measure
def django_bulk_update(bench: Bench) -> list[Row]:
    """Update one column, beside Django's bulk_update."""
    return _beside(bench, "The same", "bulk_update", peers.bulk_update, BULK_UPDATED)
