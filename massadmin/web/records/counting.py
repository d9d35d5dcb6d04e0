"""Counting lists to the end, one at a time, while people go on reading.

To count what a filter finds among a million records keeps a core busy for as long as fifty pages.
Were each count part of the answer that asks for it, then those of a busy minute would take all the
cores and all the threads of a process, and nobody would see a page. So each process counts in one
thread besides those that answer, and gives way to them; who asks for what is being counted already
waits for the same.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Any, cast

from psycopg import Connection
from sqlalchemy import Engine, Executable

from massadmin.giving_way import let_server_give_way

# A page is not held up for longer: the number follows.
PATIENCE = 0.4  # seconds


class Counting:
    """What is being counted, by what it is that is counted."""

    def __init__(self) -> None:
        self._one_by_one = ThreadPoolExecutor(1, "counting")
        self._under_way: dict[Hashable, Future[int]] = {}
        self._lock = Lock()

    def number(
        self,
        key: Hashable,
        engine: Engine,
        statement: Executable,
        note: Callable[[int], None],
        patience: float | None,
    ) -> int | None:
        """What `statement` counts; None when that takes more than `patience` seconds. Then it is
        counted on, for whoever asks for `key` next, and for `note`, which is told in any case.

        Raises:
            what the database does.
        """
        with self._lock:
            counted = self._under_way.get(key)
            if counted is None:
                counted = self._one_by_one.submit(_count, engine, statement, note)
                self._under_way[key] = counted
                counted.add_done_callback(partial(self._forget, key))
        with suppress(TimeoutError):
            return counted.result(patience)
        return None

    def _forget(self, key: Hashable, _: Future[int]) -> None:
        # Not under the lock: a count that is done before anybody waits is forgotten by who asked.
        self._under_way.pop(key, None)


def _count(engine: Engine, statement: Executable, note: Callable[[int], None]) -> int:
    with engine.connect() as connection:
        # A connection that has given way once does so for ever: it is closed in the end.
        connection.detach()
        let_server_give_way(cast(Connection[Any], connection.connection.dbapi_connection))
        connection.exec_driver_sql("SET max_parallel_workers_per_gather = 0")
        found = connection.execute(statement).scalar_one()
    note(found)
    return int(found)
