"""Measuring aside: an application whose tables lie in a schema of their own, in the same database,
and runs that are started and done there in this process.

`massadmin bench` and the measured comparisons in `bench/` stand on it; neither touches a record.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from alembic import command as alembic
from flask import Flask
from sqlalchemy import event, text
from werkzeug.datastructures import MultiDict

from massadmin import create_app, logs
from massadmin.auth import people
from massadmin.auth.models import User
from massadmin.auth.passwords import generate
from massadmin.cli.console import settings_now
from massadmin.cli.refusals import Refusal
from massadmin.config import Settings
from massadmin.embedded import services
from massadmin.extensions import db
from massadmin.records.filters import Query
from massadmin.records.modules import get_module
from massadmin.runs.action import get_action
from massadmin.runs.audience import Audience, of_query
from massadmin.runs.execute import drain
from massadmin.runs.models import Run
from massadmin.runs.start import start, undo

SCHEMA = "massadmin_bench"
PASSWORD = generate()
_LOCK = 5_000_000_000_002
# Tickets of a bench go to a database of the queue that nobody else listens to.
_QUEUE_DATABASE = "9"


@contextmanager
def app_aside(files_dir: Path | None = None) -> Iterator[Flask]:
    """An application over empty tables of its own, which are dropped in the end.

    Args:
        files_dir: where exported files go instead of the usual folder.

    Raises:
        Refusal: another bench is going on in this database.
    """
    logs.setup("error")
    with services(Settings.from_env()) as settings:
        settings = dataclasses.replace(
            settings,
            redis_url=_queue_aside(settings.redis_url),
            files_dir=files_dir or settings.files_dir,
        )
        with joined(settings) as app, db.engine.connect() as holder:
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


@contextmanager
def joined(settings: Settings) -> Iterator[Flask]:
    """The application of `settings` upon the tables aside, which another process may have made."""
    app = create_app(settings)
    with app.app_context():
        event.listen(db.engine, "connect", _look_aside)
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()
            app.extensions["massadmin_redis"].close()


def _look_aside(connection: object, record: object) -> None:
    with connection.cursor() as cursor:  # type: ignore[attr-defined]  # the driver's connection
        cursor.execute(f"SET search_path TO {SCHEMA}")
    connection.commit()  # type: ignore[attr-defined]  # the driver's connection


def _queue_aside(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        query = dict(parse_qsl(parts.query)) | {"db": _QUEUE_DATABASE}
        return urlunsplit(parts._replace(query=urlencode(query)))
    return urlunsplit(parts._replace(path=f"/{_QUEUE_DATABASE}"))


def bench_user() -> User:
    """The admin who does everything in a bench; signs in with `PASSWORD`. Commits."""
    user = people.create_user("bench@massadmin.example", PASSWORD, role="admin")
    db.session.commit()
    return user


def started(
    user: User,
    key: str,
    params: dict[str, str],
    audience: Audience | None = None,
    *,
    expected: int | None = None,
) -> Run:
    """A run of action `key` over all contacts, or over `audience`; frozen, queued, not yet done."""
    module, action = get_module("contacts"), get_action(key)
    return start(
        action,
        module,
        audience or of_query(Query(), module, user),
        action.params(MultiDict(params), module, user),
        user,
        largest_chunk=settings_now().chunk_size,
        expected=expected,
    )


def undoing(run: Run, user: User) -> Run:
    """The run that takes `run` back; frozen, queued, not yet done."""
    db.session.refresh(run)
    return undo(run, get_module("contacts"), user, largest_chunk=settings_now().chunk_size)


def done(run: Run) -> None:
    """Do all of the run in this process.

    Raises:
        Refusal: it did not complete.
    """
    drain(run.id)
    db.session.rollback()
    completed(run)


def completed(run: Run) -> Run:
    """The run as it is now. Raises Refusal when it did not complete, or records failed."""
    now = db.session.get_one(Run, run.id, populate_existing=True)
    if now.state != "completed" or now.failed:
        raise Refusal(f"a run of the bench ended as {now.state}, {now.failed or 0} records failed")
    return now


def vacuum(*tables: str) -> None:
    """Make tables as if nothing had just been done to them, and their statistics true."""
    db.session.rollback()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"VACUUM (ANALYZE) {', '.join(tables)}"))
