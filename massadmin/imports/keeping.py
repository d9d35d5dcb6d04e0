"""Keeping: staged files are dropped once nobody needs their rows any more.

The rows of an imported file serve its errors file and a retry; both end with the run's month.
"""

from __future__ import annotations

import logging

from sqlalchemy import delete, func, select, text

from massadmin.extensions import db
from massadmin.imports import uploads
from massadmin.imports.models import ImportDuplicate, ImportFile
from massadmin.runs.models import Run
from massadmin.runs.states import ENDED

log = logging.getLogger(__name__)

IMPORTED_DAYS = 30
UNUSED_DAYS = 7
ROWS_AT_ONCE = 50_000


def drop_old_files(imported_days: int = IMPORTED_DAYS, unused_days: int = UNUSED_DAYS) -> int:
    """Drop files whose import ended more than `imported_days` days ago, and those that were
    uploaded more than `unused_days` days ago and never imported. Commits.

    Returns:
        How many files were dropped.
    """
    unused = ImportFile.run_id.is_(None) & (
        ImportFile.created_at < func.now() - func.make_interval(0, 0, 0, unused_days)
    )
    over = select(Run.id).where(
        Run.state.in_(ENDED),
        Run.finished_at < func.now() - func.make_interval(0, 0, 0, imported_days),
    )
    due = list(
        db.session.execute(
            select(ImportFile.id, ImportFile.upload).where(unused | ImportFile.run_id.in_(over))
        )
    )
    for file_id, upload in due:
        drop_file(file_id)
        uploads.discard(upload)
        log.info("import_file=%s dropped", file_id)
    uploads.discard_forgotten()
    return len(due)


def drop_file(file_id: int) -> None:
    """Drop a staged file and its rows, some at a time. Commits."""
    while True:
        gone = db.session.scalar(
            text(
                """
                WITH gone AS (
                    DELETE FROM import_rows WHERE file_id = :file AND line IN (
                        SELECT line FROM import_rows WHERE file_id = :file
                        ORDER BY line LIMIT :limit)
                    RETURNING 1
                )
                SELECT count(*) FROM gone
                """
            ),
            {"file": file_id, "limit": ROWS_AT_ONCE},
        )
        db.session.commit()
        if not gone:
            break
    for statement in (
        delete(ImportDuplicate).where(ImportDuplicate.file_id == file_id),
        delete(ImportFile).where(ImportFile.id == file_id),
    ):
        db.session.execute(statement.execution_options(synchronize_session=False))
    db.session.commit()
