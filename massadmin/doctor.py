"""The doctor: what an installation uses, whether each part works, and what to do if it does not.

Every part is looked at by itself, so that one that is broken hides no other.
"""

from __future__ import annotations

import contextlib
import platform
import shutil
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from redis.exceptions import RedisError
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from massadmin import schema
from massadmin.config import BadSetting, Settings
from massadmin.embedded import NoEmbedded, running, services
from massadmin.runs.alive import SILENCE_SECONDS
from massadmin.runs.dispatch import QUEUE, connect
from massadmin.runs.states import WORKABLE

OLDEST_POSTGRESQL = 18
LEAST_FREE = 1024**3  # bytes
# Work that nobody took for this long, in seconds, means that workers are too few or not working.
LONGEST_WAIT = 60.0
# Workers and clocks that were killed are named for so long, in seconds, and so many of them.
RECENTLY, MOST_LOST = 3_600, 3
PATIENCE = 3  # seconds for a server to answer


@dataclass(frozen=True)
class Finding:
    """One part: whether it is `well`, what was `found`, and what to do if it is not."""

    name: str
    well: bool
    found: str
    advice: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Look at everything. Embedded servers that do not run are started for the examination."""
    findings = [
        Finding(
            "massadmin",
            True,
            f"{installed()}, Python {platform.python_version()}, {platform.machine()}",
        ),
        *_folders(settings),
    ]
    with contextlib.ExitStack() as ending:
        before = running(settings.data_dir) if settings.data_dir.is_dir() else None
        try:
            usable = ending.enter_context(services(settings))
        except (BadSetting, OSError) as error:
            findings.append(
                Finding("servers", False, str(error), _advice_on_start(error, settings))
            )
            # What is set may still work.
            usable = settings
        else:
            findings.append(_servers(settings, running_before=before is not None))
        if usable.database_url:
            findings += _database(usable, embedded=not settings.database_url)
        if usable.redis_url:
            findings.append(_queue(usable, embedded=not settings.redis_url))
    return findings


def _advice_on_start(error: Exception, settings: Settings) -> str:
    folder = settings.data_dir
    if not isinstance(error, NoEmbedded):
        return "Name a folder of its own, which you may write to, in MASSADMIN_DATA_DIR."
    if str(error).startswith("Valkey did not start"):
        return (
            f"See {folder / 'valkey.log'}. The queue keeps nothing that the database does not "
            f"know: with its files moved away (mv {folder / 'valkey'} ...), it starts empty."
        )
    return f"See {folder / 'postgres.log'} and {folder / 'services.log'}."


def installed() -> str:
    """The version of this program."""
    try:
        return version("massadmin")
    except PackageNotFoundError:
        return "a checkout that is not installed"


def _folders(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    if not folder.exists():
        yield Finding("data folder", True, f"{folder}, not made yet")
    elif not folder.is_dir():
        yield Finding(
            "data folder",
            False,
            f"{folder} is no folder",
            "Name a folder of its own in MASSADMIN_DATA_DIR.",
        )
    else:
        mode = stat.S_IMODE(folder.stat().st_mode)
        yield Finding(
            "data folder",
            mode == 0o700,
            f"{folder}, mode {mode:03o}",
            "" if mode == 0o700 else _advice_on(folder, mode),
        )
    yield _secret(settings)
    yield _disk("disk", folder, "PostgreSQL stops on a full disk.")
    yield _disk("disk for files", settings.files_dir, "Exports wait on a full disk.")


def _advice_on(folder: Path, mode: int) -> str:
    if mode & stat.S_ISVTX or folder in (Path("/"), Path.home()):
        return f"{folder} has other uses; name a folder of its own in MASSADMIN_DATA_DIR."
    return f"Others can read secrets there: chmod 700 {folder}"


def _secret(settings: Settings) -> Finding:
    if settings.secret_key:
        return Finding("secret key", True, "set by SECRET_KEY")
    path = settings.data_dir / "secret_key"
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return Finding("secret key", True, "made at the first start")
    except OSError as error:
        return Finding("secret key", False, f"{path}: {error.strerror}", "Set SECRET_KEY.")
    return Finding(
        "secret key",
        not mode & 0o077,
        f"kept in {path}, mode {mode:03o}",
        f"Others can read it: chmod 600 {path}" if mode & 0o077 else "",
    )


def _disk(name: str, path: Path, otherwise: str) -> Finding:
    there = next(each for each in (path, *path.parents) if each.exists())
    usage = shutil.disk_usage(there)
    return Finding(
        name,
        usage.free >= LEAST_FREE,
        f"{usage.free / 1024**3:,.1f} GB free of {usage.total / 1024**3:,.1f} at {path}",
        "" if usage.free >= LEAST_FREE else f"Free some space. {otherwise}",
    )


def _servers(settings: Settings, *, running_before: bool) -> Finding:
    embedded = [
        name
        for name, url in (("PostgreSQL", settings.database_url), ("Valkey", settings.redis_url))
        if not url
    ]
    if not embedded:
        return Finding("servers", True, "DATABASE_URL and REDIS_URL are set")
    how = "running" if running_before else "not running, started to look at them"
    return Finding("servers", True, f"embedded {' and '.join(embedded)}, {how}")


def _database(settings: Settings, *, embedded: bool) -> Iterator[Finding]:
    address = make_url(settings.database_url).render_as_string(hide_password=True)
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
                yield from _shared_files(connection, settings)
                yield _work(connection)
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        yield Finding(
            "database",
            False,
            f"{address}: {said}",
            "Start `massadmin up` again, or see postgres.log in the data folder."
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


def _shared_files(connection: Connection, settings: Settings) -> Iterator[Finding]:
    """Only where processes of other machines work on the same database."""
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


def _queue(settings: Settings, *, embedded: bool) -> Finding:
    address = masked(settings.redis_url)
    try:
        with connect(settings.redis_url) as connection:
            about = connection.info("server")
            depth = connection.llen(f"rq:queue:{QUEUE}")
    except (RedisError, OSError, ValueError) as error:
        return Finding(
            "queue",
            False,
            f"{address}: {error}",
            "Start `massadmin up` again, or see valkey.log in the data folder."
            if embedded
            else "Check REDIS_URL, its password, and that Valkey or Redis runs.",
        )
    name = "Valkey" if "valkey_version" in about else "Redis"
    number = about.get("valkey_version") or about.get("redis_version")
    return Finding("queue", True, f"{name} {number} at {address}, {depth} tickets")


def masked(url: str) -> str:
    """An address without its password."""
    scheme, _, rest = url.partition("://")
    credentials, at, place = rest.rpartition("@")
    if not at:
        return url
    user = credentials.partition(":")[0]
    return f"{scheme}://{user}:***@{place}"
