"""The database: its version and tables, and what it knows of workers, clocks and waiting work."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from massadmin import schema
from massadmin.config import Settings
from massadmin.doctor.finding import Finding, restarting
from massadmin.runs.alive import SILENCE_SECONDS
from massadmin.runs.states import WORKABLE

OLDEST_POSTGRESQL = 18
PATIENCE = 3  # seconds for the server to answer
# Work that nobody took for this long, in seconds, means that workers are too few or not working.
LONGEST_WAIT = 60.0
# Workers and clocks that were killed are named for so long, in seconds, and so many of them.
RECENTLY, MOST_LOST = 3_600, 3


def database(settings: Settings, *, embedded: bool) -> Iterator[Finding]:
    """The server, its migrations, and who works on it."""
    url = make_url(settings.database_url).set(drivername="postgresql")
    address = url.render_as_string(hide_password=True)
    engine = create_engine(
        settings.database_url, poolclass=NullPool, connect_args={"connect_timeout": PATIENCE}
    )
    try:
        with engine.connect() as connection:
            connection.execute(text(f"SET statement_timeout = '{PATIENCE}s'"))
            yield _version(connection, address)
            at = schema.revision(lambda sql: connection.scalar(text(sql)))
            yield _schema(at)
            if schema.state(at) is schema.State.CURRENT:
                yield from _alive(connection)
                yield from _shared(connection, settings)
                yield _work(connection)
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        yield Finding(
            "database",
            False,
            f"{address}: {said}",
            restarting(settings.data_dir / "postgres.log")
            if embedded
            else "Check DATABASE_URL and that PostgreSQL runs and lets this machine in.",
        )


def _version(connection: Connection, address: str) -> Finding:
    number = int(connection.scalar(text("SHOW server_version_num")) or 0)
    name = connection.scalar(text("SHOW server_version"))
    new_enough = number // 10_000 >= OLDEST_POSTGRESQL
    return Finding(
        "database",
        new_enough,
        f"PostgreSQL {name} at {address}",
        "" if new_enough else f"Massadmin needs PostgreSQL {OLDEST_POSTGRESQL} or newer.",
    )


def _schema(at: str | None) -> Finding:
    try:
        schema.check(at)
    except schema.WrongSchema as error:
        what, _, advice = str(error).partition(": ")
        waiting = schema.pending(at)
        return Finding(
            "migrations",
            False,
            what + (f"; pending: {', '.join(waiting)}" if waiting else ""),
            advice[:1].upper() + advice[1:],
        )
    return Finding("migrations", True, f"at {at}, none pending")


def _alive(connection: Connection) -> Iterator[Finding]:
    for kind, without in (
        ("worker", "Bulk actions wait until one runs: `massadmin up` or `massadmin worker`."),
        (
            "clock",
            "Nothing is purged or picked up after a crash: `massadmin up` or `massadmin clock`.",
        ),
    ):
        rows = connection.execute(
            text(
                "SELECT name, extract(epoch FROM clock_timestamp() - at)::int AS silence "
                "FROM heartbeats WHERE kind = :kind ORDER BY silence, name"
            ),
            {"kind": kind},
        ).all()
        names = sorted(name for name, silence in rows if silence < SILENCE_SECONDS)
        found = f"{len(names)} alive" + (f": {', '.join(names)}" if names else "")
        # Whoever leaves in order takes its name along.
        lost = [
            f"{name} {silence} s ago"
            for name, silence in rows
            if SILENCE_SECONDS <= silence < RECENTLY
        ]
        if lost:
            more = f" and {len(lost) - MOST_LOST} more" if len(lost) > MOST_LOST else ""
            found += f"; killed or cut off: {', '.join(lost[:MOST_LOST])}{more}"
        yield Finding(f"{kind}s", bool(names), found, "" if names else without)


def _shared(connection: Connection, settings: Settings) -> Iterator[Finding]:
    """What all machines have in common, where those of others work on the same database."""
    machines = connection.scalars(
        text(
            "SELECT DISTINCT regexp_replace(name, ' [0-9]+$', '') AS machine FROM heartbeats "
            "WHERE at > clock_timestamp() - make_interval(secs => :silence) ORDER BY machine"
        ),
        {"silence": SILENCE_SECONDS},
    )
    others = [name for name in machines if name != socket.gethostname()]
    if not others:
        return
    own = settings.files_dir.is_relative_to(settings.data_dir)
    yield Finding(
        "shared files",
        not own,
        f"{settings.files_dir}, for {', '.join(others)} too",
        "Exports and imports need a folder that all machines share: name it in MASSADMIN_FILES_DIR."
        if own
        else "",
    )
    if settings.secret_key:
        yield Finding("shared key", True, "set by SECRET_KEY")
        return
    yield Finding(
        "shared key",
        False,
        f"this machine has one of its own, which {', '.join(others)} cannot know",
        "Who signs in on one machine is a stranger to another: set the same SECRET_KEY on all.",
    )


def _work(connection: Connection) -> Finding:
    count, runs, wait = connection.execute(
        text(
            """
            SELECT count(*), count(DISTINCT run_id),
                coalesce(extract(epoch FROM clock_timestamp() - min(c.due_at)), 0)
            FROM run_chunks AS c JOIN runs AS r ON r.id = c.run_id
            WHERE c.state = 'pending' AND c.due_at <= clock_timestamp() AND r.state = ANY(:states)
              AND coalesce(r.last_served_at, r.created_at)
                  < clock_timestamp() - make_interval(secs => 1)
            """
        ),
        {"states": list(WORKABLE)},
    ).one()
    late = float(wait) > LONGEST_WAIT
    return Finding(
        "work",
        not late,
        f"{count:,} chunks of {runs:,} runs wait; the oldest for {wait:,.0f} s"
        if count
        else "none waits",
        "More is due than the workers can do: start more of them, on this machine or others."
        if late
        else "",
    )
