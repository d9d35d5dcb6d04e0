"""How tests of imports make files and take them from start to end."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from massadmin import imports
from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.imports import ImportFile, Policy, uploads
from massadmin.runs.models import Run
from tests.factories import contacts, finished
from tests.reads import analyze

# Where the rows of a file are, and what is said of them.
STAGED = ("import_rows", "import_duplicates", "run_results")


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
    analyze(*STAGED)
    return staged(user, *lines)


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
