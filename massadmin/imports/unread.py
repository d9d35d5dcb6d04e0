"""Files that are too large to be read while somebody waits: the clock reads them, one at a time.

Reading is one transaction, so a clock that is killed leaves the file as unread as it was. How far
it is stands in the file's row, written by the way.
"""

from __future__ import annotations

import io
import logging
import time
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from massadmin import tabular
from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.imports import uploads
from massadmin.imports.models import ImportFile
from massadmin.imports.staging import check_may_import, fill, new_file
from massadmin.records.modules import Module, get_module
from massadmin.runs.start import NotAllowed
from massadmin.tabular import BadFile, EmptyFile, Limits

log = logging.getLogger(__name__)

# A second of reading at most: a workbook of 8,000 rows takes as long.
QUICK_BYTES = 4 * 1024 * 1024
# Of a file that ends the clock whenever it is read.
MOST_TRIES = 3
TELL_SECONDS = 1.0
NO_ROWS = "The file has a header but no rows below it. Choose the file that holds the rows."


def reads_quickly(path: Path, limits: Limits) -> bool:
    """Whether the file is small enough to be read while its sender waits.

    Raises:
        BadFile: it is no CSV, TSV or XLSX file, or larger than allowed.
    """
    return tabular.bytes_to_read(path, limits) <= QUICK_BYTES


def leave_unread(path: Path, filename: str, module: Module, user: User, upload: str) -> ImportFile:
    """Leave an upload, kept under the name `upload`, for the clock to read. Commits.

    Raises:
        NotAllowed: the user may not import.
    """
    check_may_import(module, user)
    file = new_file(path, filename, module, user, upload)
    file.unread = {}
    db.session.add(file)
    db.session.commit()
    return file


def leave_to_read_again(file: ImportFile, dialect: dict[str, Any]) -> None:
    """Have the clock read the file anew; what was read before stays until then. Commits.

    Args:
        dialect: what is known better, as for `tabular.sniff`.

    Raises:
        LookupError: it was imported meanwhile.
    """
    left = db.session.scalar(
        update(ImportFile)
        .where(ImportFile.id == file.id, ImportFile.run_id.is_(None))
        .values(unread=dialect, share_read=0, tries=0, problem=None)
        .returning(ImportFile.id)
    )
    db.session.commit()
    if left is None:
        raise LookupError("This file was imported already.")


def read_unread(limits: Limits) -> int:
    """Read the files that wait for it, one process at a time; how many there were. Commits."""
    count = 0
    while (file_id := _next()) is not None:
        _read(file_id, limits)
        count += 1
    return count


def _next() -> int | None:
    """The file to be read next, which is noted as tried; those tried before have to wait."""
    first = (
        select(ImportFile.id)
        .where(ImportFile.unread.is_not(None))
        .order_by(ImportFile.tries, ImportFile.id)
        .limit(1)
    )
    file_id = db.session.scalar(
        update(ImportFile)
        .where(ImportFile.id == first.scalar_subquery())
        .values(tries=ImportFile.tries + 1)
        .returning(ImportFile.id)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
    return file_id


def _read(file_id: int, limits: Limits) -> None:
    began = time.monotonic()
    try:
        rows = _fill(file_id, limits)
        db.session.commit()
    except (BadFile, NotAllowed) as error:
        db.session.rollback()
        _refuse(file_id, str(error))
        log.info("import_file=%s could not be read: %s", file_id, error)
    except LookupError as error:
        db.session.rollback()
        log.info("import_file=%s was read in vain: %s", file_id, error)
    except BaseException:
        db.session.rollback()
        raise
    else:
        log.info("import_file=%s rows=%s seconds=%.1f", file_id, rows, time.monotonic() - began)


def _fill(file_id: int, limits: Limits) -> int:
    """Read the file; how many rows it has. The caller commits."""
    file = db.session.get(ImportFile, file_id, populate_existing=True)
    if file is None:
        raise LookupError("it was discarded")
    if file.tries > MOST_TRIES:
        raise BadFile(
            f"Reading it broke off {MOST_TRIES} times. Save it anew, or as CSV, and upload it."
        )
    module, user = get_module(file.module), db.session.get_one(User, file.user_id)
    check_may_import(module, user)
    path = uploads.path_of(file.upload)
    if path is None:
        raise BadFile("The file itself is not here any more. Upload it again.")
    with _Counted(path) as counted, io.BufferedReader(counted) as source:
        found = tabular.sniff(source, limits, **file.unread or {})
        counted.done = 0
        rows = fill(file, source, found, limits, module, user, watch=_Teller(file, counted))
    if not rows:
        raise EmptyFile(NO_ROWS)
    return rows


def _refuse(file_id: int, problem: str) -> None:
    """Note why the file could not be read; one that never was is kept no longer. Commits."""
    file = db.session.get(ImportFile, file_id, populate_existing=True)
    if file is None:
        return
    file.unread, file.problem, file.share_read, file.tries = None, problem, 0, 0
    upload = None if file.was_read else file.upload
    db.session.commit()
    uploads.discard(upload)


class _Counted(io.FileIO):
    """A file that counts the bytes that are read of it."""

    done = 0

    def readinto(self, buffer: Any, /) -> int:
        count = super().readinto(buffer) or 0
        self.done += count
        return count


class _Teller:
    """Writes down how much of a file was read, at times, beside the transaction that reads it."""

    def __init__(self, file: ImportFile, counted: _Counted) -> None:
        self._id, self._size, self._counted = file.id, max(file.size, 1), counted
        self._told = time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._told < TELL_SECONDS:
            return
        share = min(99, 100 * self._counted.done // self._size)
        with db.engine.begin() as connection:
            connection.execute(
                update(ImportFile).where(ImportFile.id == self._id).values(share_read=share)
            )
        self._told = time.monotonic()
