"""The application for the duration of a command, and the user for whom it acts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from alembic import command as alembic
from flask import Flask, current_app
from psycopg.errors import DuplicateObject, DuplicateTable
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from massadmin import create_app, demo, logs, schema
from massadmin.auth import people
from massadmin.auth.models import User
from massadmin.cli.refusals import Refusal
from massadmin.config import Settings
from massadmin.embedded import services
from massadmin.embedded.passwords import ADMIN
from massadmin.extensions import db


@contextmanager
def console(*, log_level: str = "warning") -> Iterator[Flask]:
    """An application context over databases that answer, and whose tables are there.

    Where no addresses are set and nothing runs, the embedded servers run for as long as the block.

    Raises:
        NoEmbedded: nothing answers, and nothing can be started.
        WrongSchema: the database is not at this program's migration; an empty one is migrated.
    """
    logs.setup(log_level)
    with services(Settings.from_env()) as settings:
        ready(settings)
        app = create_app(settings)
        with app.app_context():
            try:
                yield app
            finally:
                db.session.remove()
                db.engine.dispose()
                app.extensions["massadmin_redis"].close()


def ready(settings: Settings) -> None:
    """Migrate the database if it is empty. One that is merely behind is left alone, because other
    programs may be at work on it.

    Raises:
        WrongSchema: it is behind or ahead of this program.
    """
    at = revision(settings)
    if schema.state(at) is schema.State.EMPTY:
        upgrade(settings)
    else:
        schema.check(at)


def revision(settings: Settings) -> str | None:
    """The migration that the database of `settings` is at."""
    engine = create_engine(
        settings.database_url, poolclass=NullPool, connect_args={"connect_timeout": 10}
    )
    with engine.connect() as connection:
        return schema.revision(lambda sql: connection.scalar(text(sql)))


def upgrade(settings: Settings) -> list[str]:
    """Bring the database to the newest migration; the migrations that were applied.

    Processes that do this at once wait for each other under a lock of the database.

    Raises:
        WrongSchema: a newer program made it, or another one altogether.
    """
    at = revision(settings)
    if schema.state(at) is schema.State.AHEAD:
        schema.check(at)
    todo = schema.pending(at)
    if todo:
        app = create_app(settings)
        with app.app_context():
            try:
                alembic.upgrade(app.extensions["migrate"].migrate.get_config(), "head")
            except ProgrammingError as error:
                if not isinstance(error.orig, DuplicateObject | DuplicateTable):
                    raise
                raise schema.WrongSchema(
                    f"the database is in use for something else ({error.orig.diag.message_primary}"
                    "): name an empty one in DATABASE_URL"
                ) from error
            finally:
                db.session.remove()
                db.engine.dispose()
    return todo


def settings_now() -> Settings:
    """The settings of the running command, with both addresses."""
    settings: Settings = current_app.config["SETTINGS"]
    return settings


def known_user(email: str) -> User:
    """The user with this address.

    Raises:
        Refusal: there is none.
    """
    user = people.by_email(email)
    if user is None:
        raise Refusal(f"there is no user {email}; `massadmin user list` shows them")
    return user


def acting_user(email: str | None) -> User:
    """The user who does what the command does: the named one, else the first admin.

    On an installation without any users, the first admin is made, as `massadmin up` would.

    Raises:
        Refusal: there is no such user, or they may not sign in.
    """
    if email is not None:
        user = known_user(email)
        if not user.active:
            raise Refusal(f"{user.email} is deactivated")
        return user
    admins = select(User).where(User.role == "admin", User.active).order_by(User.id)
    admin = db.session.scalar(admins.limit(1))
    if admin is not None:
        return admin
    if db.session.scalar(select(User.id).limit(1)) is not None:
        raise Refusal("there is no active admin; name another user with --as")
    path = demo.first_admin(settings_now())
    click.echo(f"Made the first admin, {ADMIN}; the password is in {path}", err=True)
    return db.session.scalars(admins.limit(1)).one()
