"""What the database reads for something, when it knows nothing of what it is asked about.

Until somebody has analyzed what was just written, the database expects hardly any of it, and may
plan to go through all of it for each row. How long that takes depends on the machine; how much is
read does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import text

from massadmin.extensions import db
from tests.processes import until


@dataclass
class Read:
    """How many rows and entries of indexes were read while something was done."""

    count: int = 0


def analyze(*tables: str) -> None:
    """Let the database learn what is in these tables now, and nothing of what comes later."""
    for table in tables:
        db.session.execute(text(f"ANALYZE {table}"))
    db.session.commit()


@contextmanager
def entries_read(*tables: str) -> Iterator[Read]:
    """Count what is read of these tables within the block, whose transactions must have ended with
    it."""
    # A connection that waits in the pool would tell what it has read at some later time.
    db.session.rollback()
    db.engine.dispose()
    until(_alone, "the database has heard of everything that was read before")
    read = Read()
    before = _entries_read(tables)
    yield read
    read.count = _entries_read(tables) - before


def _alone() -> bool:
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    others += " AND usename = current_user AND pid <> pg_backend_pid()"
    found = db.session.execute(text(others)).scalar_one()
    db.session.rollback()
    return not found


def _entries_read(tables: tuple[str, ...]) -> int:
    db.session.execute(text("SELECT pg_stat_force_next_flush()"))
    db.session.commit()
    query = """
        SELECT sum(t.seq_tup_read) + sum(
            (SELECT sum(i.idx_tup_read) FROM pg_stat_user_indexes AS i WHERE i.relid = t.relid))
        FROM pg_stat_user_tables AS t
        WHERE t.relname = ANY(:tables)
        """
    read = db.session.execute(text(query), {"tables": list(tables)}).scalar_one()
    db.session.commit()
    return int(read)
