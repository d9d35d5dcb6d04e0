"""Moments at which the product is stopped from outside, by locks and triggers of the database.

Nothing in the product knows of them and nobody sleeps: a process that comes to such a moment
waits for a lock that the test holds, and the test sees it waiting.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from massadmin.runs.settle import LOCK_BASE
from tests.processes import until

# The first half of the keys of our advisory locks; the product's have one number only.
CLASS = 77

# Where a worker can be held in the life of a chunk: a trigger, and on which table.
MID_EFFECT = "BEFORE UPDATE ON contacts FOR EACH ROW WHEN (NEW.id = {record})"
BEFORE_COMMIT = "AFTER UPDATE ON run_chunks FOR EACH ROW WHEN (NEW.state = 'done')"
AT_COMMIT = (
    "AFTER UPDATE ON run_chunks DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW WHEN (NEW.state = 'done')"
)
BEFORE_FINISH = "BEFORE UPDATE ON runs FOR EACH ROW WHEN (NEW.state = 'completed')"
BEFORE_CANCELLED = "BEFORE UPDATE ON runs FOR EACH ROW WHEN (NEW.state = 'cancelled')"
AFTER_FREEZE = "AFTER INSERT ON run_chunks FOR EACH ROW WHEN (NEW.seq = 0)"
START_AT_COMMIT = "AFTER INSERT ON runs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"


class Hold:
    """A moment at which whoever comes to it waits, until it is released."""

    def __init__(self, connection: psycopg.Connection[Any], clause: str, key: str) -> None:
        self._connection, self._clause, self._key = connection, clause, key

    def waiting(self) -> list[int]:
        """The backends that wait here."""
        rows = self._connection.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            f" AND {self._clause}"
        ).fetchall()
        return [pid for (pid,) in rows]

    def reached(self, count: int = 1) -> int:
        """Wait until `count` processes wait here; the backend of one of them."""
        until(lambda: len(self.waiting()) >= count, "a process comes to where it is held")
        return self.waiting()[0]

    def release(self) -> None:
        """Let everybody go on, now and later."""
        self._connection.execute(f"SELECT pg_advisory_unlock({self._key})")


class Holds:
    """Makes holds, and takes them away again."""

    # Of all of them, because what one made can outlive it in a server that was killed.
    _numbers = itertools.count(1)

    def __init__(self, address: str) -> None:
        self._address = address
        self._connection = psycopg.connect(address, autocommit=True)
        self._made: list[tuple[str, str]] = []

    def at(self, moment: str, **names: object) -> Hold:
        """Hold at `moment`, one of the triggers above; `names` are what it leaves open."""
        name = f"hold_{next(self._numbers)}"
        number = name.removeprefix("hold_")
        moment = moment.format(**names)
        table = moment.partition(" ON ")[2].partition(" ")[0]
        kind = "CONSTRAINT TRIGGER" if "DEFERR" in moment else "TRIGGER"
        self._connection.execute(
            f"""
            CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                PERFORM pg_advisory_lock_shared({CLASS}, {number});
                PERFORM pg_advisory_unlock_shared({CLASS}, {number});
                RETURN NEW;
            END $$
            """
        )
        self._connection.execute(f"SELECT pg_advisory_lock({CLASS}, {number})")
        self._connection.execute(f"CREATE {kind} {name} {moment.strip()} EXECUTE FUNCTION {name}()")
        clause = f"classid = {CLASS} AND objid = {number} AND objsubid = 2"
        hold = Hold(self._connection, clause, f"{CLASS}, {number}")
        self._made.append((name, table))
        return hold

    def picked(self, run_id: int) -> Hold:
        """Hold a worker that has picked a chunk of the run and done nothing to it yet."""
        key = LOCK_BASE + run_id
        self._connection.execute(f"SELECT pg_advisory_lock({key})")
        clause = f"classid = {key >> 32} AND objid = {key & 0xFFFFFFFF} AND objsubid = 1"
        return Hold(self._connection, clause, str(key))

    @contextmanager
    def behind(self, table: str, mode: str = "ACCESS EXCLUSIVE") -> Iterator[TableHold]:
        """Have the table to oneself as soon as those who use it now have ended."""
        hold = TableHold(self._address, table, mode)
        try:
            yield hold
        finally:
            hold.release()

    def gone(self, backend: int) -> None:
        """Wait until a backend has ended, and with it whatever it had begun."""
        sql = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
        until(
            lambda: (self._connection.execute(sql, (backend,)).fetchone() or (0,))[0] == 0,
            "the database gives up the transaction of the dead process",
        )

    def blocked_by(self, backend: int) -> bool:
        """Whether somebody waits for what this backend has locked."""
        sql = (
            "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
            " AND wait_event = 'transactionid'"
        )
        return bool((self._connection.execute(sql, (backend,)).fetchone() or (0,))[0])

    def idle(self, backend: int) -> None:
        """Wait until a backend has nothing to do and no transaction open."""
        sql = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND state = 'idle'"
        until(
            lambda: (self._connection.execute(sql, (backend,)).fetchone() or (0,))[0],
            "the process has done what it was at",
        )

    def execute(self, sql: str) -> None:
        """Run SQL as the one who may do everything."""
        self._connection.execute(sql)

    def close(self) -> None:
        """End the connection; for a database that is thrown away with its holds."""
        self._connection.close()

    def end(self) -> None:
        """Take all holds away. Nobody may be at work any more."""
        with self._connection:
            self._connection.execute("SELECT pg_advisory_unlock_all()")
            self._connection.execute("SET lock_timeout = '10s'")
            for name, table in self._made:
                self._connection.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
                self._connection.execute(f"DROP FUNCTION IF EXISTS {name}")


class TableHold:
    """A lock on a whole table, which waits its turn in a thread."""

    def __init__(self, address: str, table: str, mode: str) -> None:
        self._onlooker = psycopg.connect(address, autocommit=True)
        self._connection = psycopg.connect(address)
        self._pid = self._connection.info.backend_pid
        self._table = table
        self._had = threading.Event()
        self._thread = threading.Thread(target=self._have, args=(f"LOCK {table} IN {mode} MODE",))
        self._thread.start()
        until(lambda: self._had.is_set() or self._pid in self._queue(), "the lock is asked for")

    def _have(self, sql: str) -> None:
        with contextlib.suppress(psycopg.errors.QueryCanceled):
            self._connection.execute(sql)
            self._had.set()

    def _queue(self) -> list[int]:
        rows = self._onlooker.execute(
            "SELECT pid FROM pg_locks WHERE NOT granted AND relation = %s::regclass",
            (self._table,),
        ).fetchall()
        return [pid for (pid,) in rows]

    def had(self) -> None:
        """Wait until the table is ours."""
        until(self._had.is_set, f"{self._table} is locked")

    def reached(self) -> int:
        """Wait until a process waits for the table, which is ours; its backend."""
        until(self._queue, f"a process comes to {self._table}")
        return self._queue()[0]

    def release(self) -> None:
        """Give the table back."""
        if not self._had.is_set():
            self._onlooker.execute("SELECT pg_cancel_backend(%s)", (self._pid,))
        self._thread.join()
        self._connection.rollback()
        self._connection.close()
        self._onlooker.close()
