"""`massadmin bench`: bulk actions measured against the bare SQL that does the same, side by side.

The engine does more than its peer: it previews, keeps what each record was and became, commits in
chunks, can stop and go on. What that costs is what is measured here.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import click
from sqlalchemy import text

from massadmin.auth.models import User
from massadmin.cli.aside import app_aside, bench_user, done, started, undoing, vacuum
from massadmin.cli.options import json_option
from massadmin.cli.output import print_json, print_table
from massadmin.extensions import db
from massadmin.records.seed import seed
from massadmin.records.tags import ensure_tags
from massadmin.runs.models import Run


@dataclass
class Timing:
    """Seconds of each repetition, by the engine and by its peer."""

    engine: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)


@click.command()
@click.option("--contacts", type=click.IntRange(100, 10_000_000), default=100_000, metavar="N")
@click.option("--repeat", type=click.IntRange(1, 100), default=3, show_default=True)
@json_option
def bench(contacts: int, repeat: int, as_json: bool) -> None:
    """Change N contacts [default: 100,000] by the engine and by bare SQL; medians.

    Works in a schema of its own, which it drops; your records are not touched.
    """
    timings: dict[str, Timing] = {}
    with (
        app_aside(),
        click.progressbar(
            length=repeat + 1, label="Bench", file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar,
    ):
        user = bench_user()
        seed(contacts)
        bar.update(1)
        for number in range(repeat):
            _measure(user, number, timings)
            bar.update(1)
    medians = {
        what: (
            statistics.median(timing.engine),
            statistics.median(timing.bare) if timing.bare else None,
        )
        for what, timing in timings.items()
    }
    if as_json:
        told = {what: {"engine": took, "bare": bare} for what, (took, bare) in medians.items()}
        print_json({"contacts": contacts, "repeat": repeat, "seconds": told})
        return
    click.echo(f"{contacts:,} contacts, medians of {repeat}")
    print_table(
        ("", "engine", "contacts/s", "bare SQL", "engine / bare"),
        [
            (
                what,
                f"{took:.2f} s",
                round(contacts / max(took, 0.0001)),
                f"{bare:.2f} s" if bare else "",
                f"{took / bare:.1f}" if bare else "",
            )
            for what, (took, bare) in medians.items()
        ],
    )


def _measure(user: User, number: int, timings: dict[str, Timing]) -> None:
    """One repetition; engine and peer take turns at going first, on tables equally worn."""
    runs: dict[str, Run] = {}

    def engine(what: str, work: Callable[[], None]) -> None:
        _timed(timings.setdefault(what, Timing()).engine, work)

    def bare(what: str, *statements: str) -> None:
        def work() -> None:
            for statement in statements:
                db.session.execute(text(statement))
            db.session.commit()

        _timed(timings.setdefault(what, Timing()).bare, work)

    def freeze() -> None:
        runs["tags"] = started(user, "add_tags", {"tags": "bench-engine"})

    def update() -> None:
        runs["fields"] = started(user, "update_fields", {"set.source": f"Engine {number}"})
        done(runs["fields"])

    tag = ensure_tags(["bench-bare"])["bench-bare"]
    db.session.commit()
    turns: list[Callable[[], None]] = [
        lambda: engine("freeze", freeze),
        lambda: engine("add a tag", lambda: done(runs["tags"])),
        lambda: engine("undo it", lambda: done(undoing(runs["tags"], user))),
        lambda: engine("set a field", update),
        lambda: engine("undo that", lambda: done(undoing(runs["fields"], user))),
    ]
    peers: list[Callable[[], None]] = [
        lambda: bare("add a tag", f"INSERT INTO contact_tags SELECT id, {tag} FROM contacts"),  # noqa: S608 - our own number
        lambda: bare("undo it", f"DELETE FROM contact_tags WHERE tag_id = {tag}"),  # noqa: S608 - our own number
        lambda: bare(
            "set a field",
            "CREATE TABLE was AS SELECT id, source FROM contacts",
            f"UPDATE contacts SET source = 'Bare {number}', updated_at = now()",  # noqa: S608 - our own number
        ),
        lambda: bare(
            "undo that",
            "UPDATE contacts SET source = was.source FROM was WHERE was.id = contacts.id",
            "DROP TABLE was",
        ),
    ]
    for each in turns + peers if number % 2 == 0 else peers + turns:
        vacuum("contacts", "contact_tags", "run_results")
        each()


def _timed(into: list[float], work: Callable[[], None]) -> None:
    began = time.perf_counter()
    work()
    into.append(time.perf_counter() - began)
