"""Staging: the rows of a file, as text, streamed into the database.

Everything goes in one transaction, so that a file that turns out to be damaged in its last line
leaves nothing behind. Memory does not grow with the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select, update

from massadmin import tabular
from massadmin.auth.models import User
from massadmin.config import Settings
from massadmin.extensions import db
from massadmin.imports.copying import NULL, copying, escaped
from massadmin.imports.garbage import uncollected
from massadmin.imports.leaving import NOT_NOW, NOTHING_LEFT
from massadmin.imports.mapping import proposed_mapping
from massadmin.imports.models import UNDER_WAY, ImportDuplicate, ImportFile, ImportRow
from massadmin.records.modules import Module
from massadmin.runs.start import NotAllowed
from massadmin.tabular import Dialect, Limits, Row, Source

# Rows are sent in blocks of about this many, and as many of the first are looked at to map columns.
BLOCK_ROWS = 500
SAMPLE_ROWS = 100
MAX_FILENAME_CHARS = 200

# Between cells and rows of a block while it is escaped as a whole; cells hardly ever hold them.
_CELL, _ROW = "\x1f", "\x1e"
# A cell within an array literal within a line of COPY: both have backslashes of their own.
_ESCAPES = (
    ("\\", "\\\\\\\\"),
    ('"', '\\\\"'),
    ("\n", "\\n"),
    ("\r", "\\r"),
    ("\t", "\\t"),
)


def limits_of(settings: Settings) -> Limits:
    """What the settings allow an imported file to be."""
    return Limits(
        bytes=settings.max_upload_mb * 1024 * 1024,
        unpacked_bytes=settings.max_upload_mb * 1024 * 1024,
        columns=settings.max_columns,
        cell_chars=settings.max_cell_chars,
    )


def check_may_import(module: Module, user: User) -> None:
    """Raise NotAllowed unless the user may import into the module."""
    if not user.can(f"{module.key}.import"):
        raise NotAllowed(f"Your role may not import {module.label.lower()}.")


def new_file(
    source: Source, filename: str, module: Module, user: User, upload: str | None
) -> ImportFile:
    """A file of which nothing was read yet; the caller adds it."""
    name = " ".join(filename.replace("\0", "").split())[-MAX_FILENAME_CHARS:] or "file"
    return ImportFile(
        user_id=user.id,
        module=module.key,
        filename=name,
        size=_size_of(source),
        rows=0,
        dialect_json={},
        mapping=[],
        upload=upload,
    )


def stage(
    source: Source,
    filename: str,
    module: Module,
    user: User,
    *,
    limits: Limits | None = None,
    upload: str | None = None,
    **dialect: Any,
) -> ImportFile:
    """Read a file into the database and map its columns as well as can be guessed. Commits.

    Args:
        source: a path, or a seekable binary file.
        upload: name under which the file is kept, if it may have to be read anew.
        dialect: what the caller knows better: encoding, delimiter, has_header, preamble, sheet,
            as for `tabular.sniff`.

    Raises:
        BadFile: it cannot be read; nothing of it was kept.
        NotAllowed: the user may not import.
    """
    check_may_import(module, user)
    limits = limits or Limits()
    found = tabular.sniff(source, limits, **dialect)
    try:
        file = new_file(source, filename, module, user, upload)
        db.session.add(file)
        db.session.flush()
        fill(file, source, found, limits, module, user)
        db.session.commit()
    except BaseException:
        db.session.rollback()
        raise
    return file


def restage(
    file: ImportFile,
    source: Source,
    module: Module,
    user: User,
    *,
    limits: Limits | None = None,
    **dialect: Any,
) -> ImportFile:
    """Read the file anew with another dialect, in place of what was read before. Commits.

    Raises:
        BadFile: it cannot be read that way; what was read before is kept.
        LookupError: it was imported meanwhile, or left to the clock.
    """
    limits = limits or Limits()
    found = tabular.sniff(source, limits, **dialect)
    try:
        locked = db.session.execute(
            select(ImportFile)
            .where(ImportFile.id == file.id, ImportFile.run_id.is_(None), ~UNDER_WAY)
            .with_for_update()
        ).scalar_one_or_none()
        if locked is None:
            raise LookupError(NOT_NOW)
        fill(locked, source, found, limits, module, user)
        db.session.commit()
    except BaseException:
        db.session.rollback()
        raise
    return locked


def drop_rows(file_id: int) -> None:
    """Delete the staged rows of a file; the caller commits."""
    for model in (ImportRow, ImportDuplicate):
        db.session.execute(
            delete(model)
            .where(model.file_id == file_id)
            .execution_options(synchronize_session=False)
        )


def sample_rows(file: ImportFile, count: int = SAMPLE_ROWS) -> list[list[str]]:
    """The cells of the first rows that are as they should be."""
    return list(
        db.session.scalars(
            select(ImportRow.cells)
            .where(ImportRow.file_id == file.id, ImportRow.problem.is_(None))
            .order_by(ImportRow.line)
            .limit(count)
        )
    )


def fill(
    file: ImportFile,
    source: Source,
    dialect: Dialect,
    limits: Limits,
    module: Module,
    user: User,
    *,
    watch: Callable[[], object] = lambda: None,
) -> int:
    """Put the rows in place of those that were read before, and propose a mapping; the caller
    commits.

    Args:
        watch: is called now and then while rows are read.

    Returns:
        How many rows there are.

    Raises:
        BadFile: it cannot be read that way.
        LookupError: the file was dropped meanwhile, or imported as it was.
    """
    drop_rows(file.id)
    rows = copy_rows(file.id, tabular.rows(source, dialect, limits), watch)
    mapping = proposed_mapping(module, user, dialect, sample_rows(file))
    kept = db.session.scalar(
        update(ImportFile)
        .where(ImportFile.id == file.id, ImportFile.run_id.is_(None))
        .values(
            rows=rows,
            mapping=mapping,
            dialect_json=dialect.to_json(),
            **NOTHING_LEFT,
        )
        .returning(ImportFile.id)
    )
    if kept is None:
        raise LookupError(f"file {file.id} is not there any more, or was imported")
    return rows


def copy_rows(file_id: int, rows: Iterator[Row], watch: Callable[[], object] = lambda: None) -> int:
    """Stream rows into `import_rows` by COPY; how many there were."""
    count = 0
    with copying("COPY import_rows (file_id, line, cells, problem) FROM STDIN") as copy:
        while True:
            with uncollected():
                block = list(islice(rows, BLOCK_ROWS))
                if not block:
                    return count
                copy.write(_copy_text(file_id, block))
            count += len(block)
            watch()


def _copy_text(file_id: int, block: list[Row]) -> str:
    """The lines of COPY for a block of rows, escaped all at once: one pass per special sign."""
    text = _ROW.join([_CELL.join(row.cells) for row in block])
    cells = sum([len(row.cells) for row in block])
    if text.count(_CELL) + text.count(_ROW) == cells - 1:
        escaped = _escape(text).replace(_CELL, '","').split(_ROW)
    else:
        escaped = ['","'.join(map(_escape, row.cells)) for row in block]
    return "".join(
        [
            f'{file_id}\t{row.line}\t{{"{cells}"}}\t{_problem(row) if row.problems else NULL}\n'
            for row, cells in zip(block, escaped, strict=True)
        ]
    )


def _escape(text: str) -> str:
    for sign, written in _ESCAPES:
        text = text.replace(sign, written)
    return text


def _problem(row: Row) -> str:
    reason = " ".join(row.reason.replace("\0", "").split())
    return escaped(reason) if reason else NULL


def _size_of(source: Source) -> int:
    if isinstance(source, str | Path):
        return Path(source).stat().st_size
    size = source.seek(0, 2)
    source.seek(0)
    return size
