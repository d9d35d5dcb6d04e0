"""One PostgreSQL and one Valkey for a whole test run, a database of its own per test process.

The processes of pytest-xdist use the same data folder, so the embedded servers' own sharing makes
it the same servers: the first process starts them and the last one stops them.
"""

from __future__ import annotations

import dataclasses
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from massadmin.config import Settings

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
TEMPLATE = "migrated"


def sibling(database_url: str, name: str, user: str = "massadmin") -> str:
    """The address of another database of the same server."""
    return database_url.replace("massadmin@/massadmin", f"{user}@/{name}")


@contextmanager
def superuser(database_url: str, name: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """An autocommitting connection to database `name` as the one who may do everything."""
    address = sibling(database_url, name, "postgres").replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


def own_database(served: Settings, shared: Path, migrate: Callable[[Settings], None]) -> str:
    """The address of this process's database, a copy of one that `migrate` was run on once."""
    name = f"test_{WORKER or 'main'}"
    with (shared / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with superuser(served.database_url, "postgres") as connection:
            known = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
            if not (shared / "template.done").exists():
                _drop_and_create(connection, TEMPLATE, "template0")
                url = sibling(served.database_url, TEMPLATE)
                migrate(dataclasses.replace(served, database_url=url))
                (shared / "template.done").touch()
            if name not in known:
                _drop_and_create(connection, name, TEMPLATE)
    return sibling(served.database_url, name)


def _drop_and_create(
    connection: psycopg.Connection[tuple[object, ...]], name: str, of: str
) -> None:
    new, template = sql.Identifier(name), sql.Identifier(of)
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} (FORCE)").format(new))
    connection.execute(
        sql.SQL("CREATE DATABASE {} OWNER massadmin TEMPLATE {} STRATEGY file_copy").format(
            new, template
        )
    )


class Broom:
    """Empties the tables that a test filled."""

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        self._connection = connection
        # The audit log refuses to be emptied, by a trigger; replicas fire none.
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET lock_timeout = '5s'")
        names = connection.execute(
            "SELECT tablename FROM pg_tables"
            " WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        ).fetchall()
        probe = sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})")
        self._filled = sql.SQL(" UNION ALL ").join(
            probe.format(name, sql.Identifier(str(name))) for (name,) in names
        )

    def sweep(self) -> None:
        """Leave the database as it was migrated. Fails when a test left a transaction open."""
        try:
            self._empty()
        finally:
            # An insert that is rolled back leaves no row, and takes a number all the same.
            self._connection.execute(
                "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass,"
                " start_value, false)"
                " FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
            )

    def _empty(self) -> None:
        filled = [str(name) for (name,) in self._connection.execute(self._filled).fetchall()]
        if not filled:
            return
        tables = sql.SQL(", ").join(map(sql.Identifier, filled))
        try:
            self._connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(tables))
        except psycopg.errors.LockNotAvailable:
            left = self._connection.execute(
                "SELECT query, pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND xact_start IS NOT NULL AND backend_type = 'client backend'"
            ).fetchall()
            self._empty()
            raise AssertionError(f"the test left transactions open, last in: {left}") from None
