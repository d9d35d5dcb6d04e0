"""`massadmin bench`: bulk actions measured against the bare SQL that does the same, side by side.

The engine does more than its peer: it previews, keeps what each record was and became, commits in
chunks, can stop and go on. What that costs is what is measured here.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import click
from alembic import command as alembic
from flask import Flask
from sqlalchemy import event, text
from werkzeug.datastructures import MultiDict

from massadmin import create_app, logs
from massadmin.auth import people
from massadmin.auth.models import User
from massadmin.auth.passwords import generate
from massadmin.cli.console import settings_now
from massadmin.cli.options import json_option
from massadmin.cli.output import print_json, print_table
from massadmin.cli.refusals import Refusal
from massadmin.config import Settings
from massadmin.embedded import services
from massadmin.extensions import db
from massadmin.records.filters import Query
from massadmin.records.modules import get_module
from massadmin.records.seed import seed
from massadmin.records.tags import ensure_tags
from massadmin.runs.action import get_action
from massadmin.runs.audience import of_query
from massadmin.runs.execute import drain
from massadmin.runs.models import Run
from massadmin.runs.start import start, undo

# The tables of a bench, in the same database, out of sight of everything else.
SCHEMA = "massadmin_bench"
_LOCK = 5_000_000_000_002


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
        _bench_app(),
        click.progressbar(
            length=repeat + 1, label="Bench", file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar,
    ):
        user = people.create_user("bench@massadmin.example", generate(), role="admin")
        db.session.commit()
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
        runs["tags"] = _start(user, "add_tags", tags="bench-engine")

    def update() -> None:
        runs["fields"] = _start(user, "update_fields", **{"set.source": f"Engine {number}"})
        drain(runs["fields"].id)

    tag = ensure_tags(["bench-bare"])["bench-bare"]
    db.session.commit()
    turns: list[Callable[[], None]] = [
        lambda: engine("freeze", freeze),
        lambda: engine("add a tag", lambda: _drained(runs["tags"])),
        lambda: engine("undo it", lambda: _undone(runs["tags"], user)),
        lambda: engine("set a field", update),
        lambda: engine("undo that", lambda: _undone(runs["fields"], user)),
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
        _vacuum()
        each()


def _start(user: User, key: str, **params: str) -> Run:
    module, action = get_module("contacts"), get_action(key)
    return start(
        action,
        module,
        of_query(Query(), module, user),
        action.params(MultiDict(params), module, user),
        user,
        largest_chunk=settings_now().chunk_size,
    )


def _drained(run: Run) -> None:
    drain(run.id)
    db.session.rollback()
    state = db.session.get_one(Run, run.id, populate_existing=True).state
    if state != "completed":
        raise Refusal(f"a run of the bench ended as {state}")


def _undone(run: Run, user: User) -> None:
    db.session.refresh(run)
    _drained(undo(run, get_module("contacts"), user, largest_chunk=settings_now().chunk_size))


def _timed(into: list[float], work: Callable[[], None]) -> None:
    began = time.perf_counter()
    work()
    into.append(time.perf_counter() - began)


def _vacuum() -> None:
    db.session.rollback()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE) contacts, contact_tags, run_results"))


@contextmanager
def _bench_app() -> Iterator[Flask]:
    """An application whose tables lie in a schema of their own, dropped in the end."""
    logs.setup("error")
    with services(Settings.from_env()) as settings:
        app = create_app(settings)
        with app.app_context():
            event.listen(db.engine, "connect", _aside)
            try:
                with db.engine.connect() as holder:
                    if not holder.scalar(text(f"SELECT pg_try_advisory_lock({_LOCK})")):
                        raise Refusal("another bench is going on in this database")
                    for statement in (
                        f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE",
                        f"CREATE SCHEMA {SCHEMA}",
                    ):
                        holder.execute(text(statement))
                    holder.commit()
                    try:
                        alembic.upgrade(app.extensions["migrate"].migrate.get_config(), "head")
                        yield app
                    finally:
                        db.session.remove()
                        holder.execute(text(f"DROP SCHEMA {SCHEMA} CASCADE"))
                        holder.commit()
            finally:
                db.session.remove()
                db.engine.dispose()
                app.extensions["massadmin_redis"].close()


def _aside(connection: object, record: object) -> None:
    with connection.cursor() as cursor:  # type: ignore[attr-defined]  # the driver's connection
        cursor.execute(f"SET search_path TO {SCHEMA}")
    connection.commit()  # type: ignore[attr-defined]  # the driver's connection
