"""What every measure needs: the contacts, a fair order, a clock, and rows to say what was found."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import psycopg
from flask import Flask
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from massadmin.auth.models import User
from massadmin.cli.aside import SCHEMA, vacuum
from massadmin.cli.console import settings_now
from massadmin.extensions import db

TABLES = ("contacts", "contact_tags", "run_results", "run_chunks")


@dataclass
class Bench:
    """One bench: `total` contacts, each comparison repeated `repeat` times."""

    app: Flask
    user_id: int
    total: int
    repeat: int
    folder: Path
    _marks: int = 0

    @property
    def user(self) -> User:
        """Who does everything. Looked up anew, because tickets end the session they work in."""
        return db.session.get_one(User, self.user_id)

    def mark(self) -> str:
        """A value that no record holds yet."""
        self._marks += 1
        return f"Bench {self._marks}"

    def settle(self) -> None:
        """Vacuum, analyse, and write out what is dirty, so that whoever is next starts alike."""
        vacuum(*TABLES)
        _checkpoint()

    def alternate(
        self,
        ours: Callable[[], float],
        peer: Callable[[], float],
        *,
        after: Callable[[], None] = lambda: None,
        settled: bool = True,
    ) -> tuple[list[float], list[float]]:
        """Seconds that both took, each time; they take turns at going first.

        `ours` and `peer` answer what they measured of themselves. `after` puts back what either
        of them did.
        """
        mine: list[float] = []
        theirs: list[float] = []
        for number in range(self.repeat):
            turns = [(ours, mine), (peer, theirs)]
            for work, into in reversed(turns) if number % 2 else turns:
                if settled:
                    self.settle()
                into.append(work())
                after()
                tick()
        return mine, theirs


def seconds(work: Callable[[], Any]) -> float:
    """How long `work` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def timed(work: Callable[[], Any]) -> Callable[[], float]:
    """`work` as something that answers how long it took."""
    return lambda: seconds(work)


@dataclass(frozen=True)
class Row:
    """One line of the table. `ours` and `peer` are written with their units; `ratio` is what
    `goal` is about, and `met` None where nothing was promised."""

    name: str
    ours: str
    peer: str
    ratio: float | None
    goal: str
    met: bool | None


def at_most(
    name: str,
    ours: Sequence[float],
    peer: Sequence[float],
    limit: float | None,
    said: str,
    *,
    write: Callable[[float], str] | None = None,
) -> Row:
    """Ours took at most `limit` times as long as the peer, which `said` describes."""
    mine, theirs = statistics.median(ours), statistics.median(peer)
    ratio = mine / theirs
    write = write or duration
    return Row(
        name,
        write(mine),
        f"{write(theirs)}, {said}",
        round(ratio, 2),
        f"≤ {limit:g}×" if limit else "",
        ratio <= limit if limit else None,
    )


def faster(
    name: str, ours: Sequence[float], peer: Sequence[float], limit: float | None, said: str
) -> Row:
    """Ours is at least `limit` times as fast as the peer; both in seconds per record."""
    mine, theirs = statistics.median(ours), statistics.median(peer)
    ratio = theirs / mine
    return Row(
        name,
        each(mine),
        f"{each(theirs)}, {said}",
        round(ratio, 2),
        f"≥ {limit:g}× as fast" if limit else "",
        ratio >= limit if limit else None,
    )


def duration(took: float) -> str:
    """Seconds in words."""
    if took >= 10:
        return f"{took:.1f} s"
    return f"{took:.2f} s" if took >= 0.1 else f"{took * 1_000:.2f} ms"


def each(took: float) -> str:
    """Seconds per record in words."""
    return f"{took * 1e6:,.1f} µs a record"


@dataclass(frozen=True)
class Measure:
    """A function that measures and answers rows."""

    key: str
    about: str
    run: Callable[[Bench], list[Row]] = field(repr=False)


REGISTRY: dict[str, Measure] = {}


def measure(run: Callable[[Bench], list[Row]]) -> Callable[[Bench], list[Row]]:
    """Mark a measure. Its name is its key, the first line of its docstring what is compared."""
    key = run.__name__.replace("_", "-")
    if key in REGISTRY:
        raise ValueError(f"two measures are called {key!r}")
    REGISTRY[key] = Measure(key, (run.__doc__ or "").strip().splitlines()[0], run)
    return run


def tick() -> None:
    """Show that something was done."""
    click.echo(".", nl=False, file=sys.stderr)


def forget_runs() -> None:
    """Drop what earlier measures left: runs, results, tags and staged files."""
    db.session.rollback()
    db.session.execute(
        text("TRUNCATE runs, run_chunks, run_results, import_files, import_rows, import_duplicates")
    )
    db.session.commit()


def rows_of(statement: str, **binds: Any) -> Sequence[Any]:
    """What a statement of our own answers."""
    found = db.session.execute(text(statement), binds).all()
    db.session.rollback()
    return found


def _checkpoint() -> None:
    """Ask for one as the superuser that an embedded server has, else as ourselves, else not."""
    url = make_url(settings_now().database_url)
    for who in (url.set(username="postgres"), url) if not url.password else (url,):
        engine = create_engine(who, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.execute(text("CHECKPOINT"))
            return
        except DBAPIError:
            continue


def bare_address() -> dict[str, Any]:
    """Where a peer's own connections go, as libpq calls it: the bench's schema of the database."""
    url = make_url(settings_now().database_url).set(drivername="postgresql")
    given: dict[str, Any] = dict(
        psycopg.conninfo.conninfo_to_dict(url.render_as_string(hide_password=False))
    )
    return given | {"options": f"-c search_path={SCHEMA} -c timezone=UTC"}
