"""Bulk changes beside those of Django. Its ways are slow, so it is given fewer records, and what
is compared is the time per record."""

from __future__ import annotations

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


@measure
def django_save(bench: Bench) -> list[Row]:
    """Update one column, beside a loop of save() as an action of Django's admin has it."""
    count = min(SAVED, bench.total)
    peers.save_loop(bench.mark(), min(100, count))
    ours, peer = bench.alternate(
        lambda: _ours(bench),
        lambda: seconds(lambda: peers.save_loop(bench.mark(), count)) / count,
    )
    said = f"Django, save() in a loop ({count:,} records)"
    return [faster("Update one column, freezing included", ours, peer, 20, said)]


@measure
def django_bulk_update(bench: Bench) -> list[Row]:
    """Update one column, beside Django's bulk_update."""
    count = min(BULK_UPDATED, bench.total)
    peers.bulk_update(bench.mark(), min(100, count))
    ours, peer = bench.alternate(
        lambda: _ours(bench),
        lambda: seconds(lambda: peers.bulk_update(bench.mark(), count)) / count,
    )
    said = f"Django, bulk_update ({count:,} records)"
    return [faster("The same", ours, peer, None, said)]
