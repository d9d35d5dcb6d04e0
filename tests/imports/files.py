"""How tests of imports make files and take them from start to end."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from massadmin import imports
from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.imports import ImportFile, Policy, uploads
from massadmin.runs.models import Run
from tests.factories import contacts, finished
from tests.processes import until


def csv_file(*lines: str, newline: str = "\n") -> io.BytesIO:
    """A CSV file of these lines."""
    return io.BytesIO((newline.join(lines) + newline).encode())


def staged(user: User, *lines: str, name: str = "people.csv", **dialect: Any) -> ImportFile:
    """These lines as a staged file."""
    return imports.stage(csv_file(*lines), name, contacts(), user, **dialect)


def left_unread(user: User, content: bytes, name: str = "people.csv") -> ImportFile:
    """An upload that the clock is to read."""
    kept = uploads.keep(io.BytesIO(content))
    return imports.leave_unread(path_of(kept), name, contacts(), user, kept)


def path_of(upload: str | None) -> Path:
    """Where an upload is, which must be kept."""
    path = uploads.path_of(upload)
    assert path is not None
    return path


def now(file: ImportFile) -> ImportFile:
    """The file as it is in the database."""
    db.session.rollback()
    return db.session.get_one(ImportFile, file.id, populate_existing=True)


def staged_unknown(user: User, *lines: str, **policy: Any) -> ImportFile:
    """A file of which the database knows nothing when it plans a statement, as of any that was just
    uploaded: it was analyzed when another one like it had been imported."""
    run_import(user, *lines, **policy)
    for table in ("import_rows", "import_duplicates", "run_results"):
        db.session.execute(text(f"ANALYZE {table}"))
    db.session.commit()
    return staged(user, *lines)


@dataclass
class Read:
    """How many rows and entries of indexes of what is staged, and of results, were read while
    something was done."""

    count: int = 0


@contextmanager
def entries_read() -> Iterator[Read]:
    """Count what is read within the block, whose transactions must have ended with it."""
    # A connection that waits in the pool would tell what it has read at some later time.
    db.session.rollback()
    db.engine.dispose()
    until(_alone, "the database has heard of everything that was read before")
    read = Read()
    before = _entries_read()
    yield read
    read.count = _entries_read() - before


def _alone() -> bool:
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    others += " AND usename = current_user AND pid <> pg_backend_pid()"
    found = db.session.execute(text(others)).scalar_one()
    db.session.rollback()
    return not found


def _entries_read() -> int:
    db.session.execute(text("SELECT pg_stat_force_next_flush()"))
    db.session.commit()
    query = """
        SELECT sum(t.seq_tup_read) + sum(
            (SELECT sum(i.idx_tup_read) FROM pg_stat_user_indexes AS i WHERE i.relid = t.relid))
        FROM pg_stat_user_tables AS t
        WHERE t.relname IN ('import_rows', 'import_duplicates', 'run_results')
        """
    read = db.session.execute(text(query)).scalar_one()
    db.session.commit()
    return int(read)


def start_import(
    user: User,
    *lines: str,
    maps: Mapping[str, str] | None = None,
    file: ImportFile | None = None,
    **policy: Any,
) -> Run:
    """A queued import of these lines, matched on e-mail where the file has it."""
    file = file or staged(user, *lines)
    if maps:
        imports.assign(file, contacts(), user, maps)
    chosen = {**imports.default_policy(file.mapping).to_json(), **policy}
    return imports.start(file, contacts(), Policy.from_json(chosen), user)


def run_import(user: User, *lines: str, **options: Any) -> Run:
    """The same, taken to its end."""
    return finished(start_import(user, *lines, **options))


def counts(run: Run) -> tuple[int, int, int, int]:
    """Created, updated, skipped, failed."""
    found = imports.outcome(run)
    assert found.rows == found.created + found.updated + found.skipped + found.failed
    return found.created, found.updated, found.skipped, found.failed


def cells_of(lines: Sequence[bytes]) -> list[list[str]]:
    """The records of CSV in pieces."""
    import csv

    text = b"".join(lines).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))
