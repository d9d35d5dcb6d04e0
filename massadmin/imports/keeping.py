"""Keeping: staged files are dropped once nobody needs their rows any more.

The rows of an imported file serve its errors file and a retry; both end with the run's month. A
file is gone at once, and its rows by and by: of a large one they are millions.
"""

from __future__ import annotations

import logging

from sqlalchemy import ColumnElement, delete, func, select, text

from massadmin.extensions import db
from massadmin.imports import uploads
from massadmin.imports.models import UNDER_WAY, ImportDuplicate, ImportFile, ImportRow
from massadmin.runs.models import Run
from massadmin.runs.states import ENDED

log = logging.getLogger(__name__)

IMPORTED_DAYS = 30
UNUSED_DAYS = 7
ROWS_AT_ONCE = 50_000
# The largest number that a line can have.
LAST_LINE = 2**31 - 1


def drop_old_files(imported_days: int = IMPORTED_DAYS, unused_days: int = UNUSED_DAYS) -> int:
    """Drop files whose import ended more than `imported_days` days ago, and those that were
    uploaded more than `unused_days` days ago and never imported; then sweep up. Commits.

    Returns:
        How many files were dropped.
    """
    # One that is being read or started is not unused, however long that takes.
    unused = (
        ImportFile.run_id.is_(None)
        & ~UNDER_WAY
        & (ImportFile.created_at < func.now() - func.make_interval(0, 0, 0, unused_days))
    )
    over = select(Run.id).where(
        Run.state.in_(ENDED),
        Run.finished_at < func.now() - func.make_interval(0, 0, 0, imported_days),
    )
    dropped = _drop(unused | ImportFile.run_id.in_(over))
    sweep()
    uploads.discard_forgotten()
    return dropped


def drop_file(file_id: int) -> bool:
    """Drop a staged file that was not imported; whether it was there. Commits."""
    return bool(_drop((ImportFile.id == file_id) & ImportFile.run_id.is_(None)))


def _drop(which: ColumnElement[bool]) -> int:
    """Drop these files and their uploads; how many they were. Commits."""
    gone = db.session.execute(
        delete(ImportFile)
        .where(which)
        .returning(ImportFile.id, ImportFile.upload)
        .execution_options(synchronize_session=False)
    ).all()
    db.session.commit()
    for file_id, upload in gone:
        uploads.discard(upload)
        log.info("import_file=%s dropped", file_id)
    return len(gone)


def sweep() -> int:
    """Delete the rows of files that were dropped, some at a time; how many they were. Commits."""
    return sum(
        _delete_rows(table, file_id)
        for table in (ImportRow.__tablename__, ImportDuplicate.__tablename__)
        for file_id in _dropped(table)
    )


def _dropped(table: str) -> list[int]:
    """The files of which there are still rows in `table`; found without reading those rows."""
    return list(
        db.session.scalars(
            text(
                f"""
                WITH RECURSIVE held AS (
                    SELECT min(file_id) AS id FROM {table}
                    UNION ALL
                    SELECT (SELECT min(file_id) FROM {table} WHERE file_id > held.id)
                    FROM held WHERE held.id IS NOT NULL
                )
                SELECT id FROM held
                WHERE id IS NOT NULL AND NOT EXISTS (
                    SELECT FROM import_files AS f WHERE f.id = held.id)
                """  # noqa: S608 - the name of a table of ours
            )
        )
    )


def _delete_rows(table: str, file_id: int) -> int:
    # By ranges, because a join would be planned for a file of one row: nobody has looked at the
    # rows of a file that was just uploaded, so that the database expects none.
    delete_some = text(
        f"""
        WITH gone AS (
            DELETE FROM {table}
            WHERE file_id = :file AND line > :after AND line <= coalesce((
                SELECT line FROM {table} WHERE file_id = :file AND line > :after
                ORDER BY line OFFSET :limit - 1 LIMIT 1), {LAST_LINE})
            RETURNING line
        )
        SELECT count(*), max(line) FROM gone
        """  # noqa: S608 - the name of a table of ours
    )
    count, after = 0, 0
    while True:
        values = {"file": file_id, "after": after, "limit": ROWS_AT_ONCE}
        some, last = db.session.execute(delete_some, values).one()
        db.session.commit()
        count += some
        if some < ROWS_AT_ONCE:
            return count
        after = last
