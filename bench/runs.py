"""Runs of the engine, and the same chunks for its peers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import select

from bench.measuring import Bench, bare_address, rows_of, seconds
from massadmin.cli.aside import completed, done, started, undoing
from massadmin.cli.console import settings_now
from massadmin.records.contacts import Contact
from massadmin.records.filters import Query
from massadmin.records.modules import get_module
from massadmin.runs.audience import Audience, of_query
from massadmin.runs.freeze import chunk_size
from massadmin.runs.models import Run


def run_all(
    bench: Bench, key: str, params: dict[str, str], *, trash: bool = False
) -> tuple[Run, float]:
    """Do action `key` to all contacts: the run, and the seconds from its first chunk to its end."""
    module = get_module("contacts")
    audience = of_query(Query(trash=trash), module, bench.user)
    run = started(bench.user, key, params, audience, expected=bench.total)
    return run, do(run, bench.total)


def update_all(bench: Bench) -> tuple[Run, float]:
    """Set one field of all contacts to a value that none has."""
    return run_all(bench, "update_fields", {"set.source": bench.mark()})


def do(run: Run, expected: int) -> float:
    """Do the run; the seconds it took. Fails unless `expected` records were changed."""
    took = seconds(lambda: done(run))
    changed = completed(run).succeeded
    if changed != expected:
        raise RuntimeError(f"{run.name}: {changed} records changed, {expected} expected")
    return took


def undo_of(bench: Bench, run: Run) -> float:
    """Take `run` back; the seconds from the first chunk to the end."""
    return do(undoing(run, bench.user), bench.total)


def first(count: int) -> Audience:
    """The contacts with the lowest ids."""
    return Audience(
        select(Contact.id).where(Contact.deleted_at.is_(None)).order_by(Contact.id).limit(count),
        f"the first {count:,}",
    )


def chunks(total: int) -> list[list[int]]:
    """The ids of all contacts, cut as the engine cuts them."""
    size = chunk_size(total, settings_now().chunk_size)
    ids = [row[0] for row in rows_of("SELECT id FROM contacts ORDER BY id LIMIT :n", n=total)]
    return [ids[start : start + size] for start in range(0, len(ids), size)]


@contextmanager
def bare() -> Iterator[psycopg.Connection[Any]]:
    """A peer's own connection, straight to the driver."""
    with psycopg.connect(**bare_address()) as connection:
        yield connection


def chunked(sql: str, pieces: list[list[int]], **binds: Any) -> float:
    """Execute `sql` for each chunk of ids (`%(ids)s`), each in a transaction; seconds."""

    def work() -> None:
        for ids in pieces:
            connection.execute(sql, {"ids": ids, **binds})
            connection.commit()

    with bare() as connection:
        return seconds(work)


def at_once(*statements: str) -> float:
    """Execute statements in one transaction; seconds."""

    def work() -> None:
        for statement in statements:
            connection.execute(statement)
        connection.commit()

    with bare() as connection:
        return seconds(work)
