"""Errands: the clock does what was left to it, for one file at a time, one process at a time."""

from __future__ import annotations

import logging
import time

from sqlalchemy import select, update

from massadmin.config import Settings
from massadmin.extensions import db
from massadmin.imports import uploads
from massadmin.imports.mapping import BadMapping
from massadmin.imports.models import UNDER_WAY, ImportFile
from massadmin.imports.policy import BadPolicy
from massadmin.imports.unread import read_left
from massadmin.imports.unstarted import start_left
from massadmin.runs.start import Refused
from massadmin.tabular import BadFile, Limits

log = logging.getLogger(__name__)

# Of an errand that ends the clock whenever it is done.
MOST_TRIES = 3
BROKE_OFF = {
    "read": f"Reading it broke off {MOST_TRIES} times. Save it anew, or as CSV, and upload it.",
    "start": f"Starting it broke off {MOST_TRIES} times. Try again; should it break off again, "
    "divide the file and import its parts.",
}


def do_errands(limits: Limits, largest_chunk: int = Settings.chunk_size) -> int:
    """Read the files and start the imports that wait for it; how many there were. Commits.

    Args:
        limits: what a file may be.
        largest_chunk: most rows of a started import that are imported in one transaction.
    """
    count = 0
    while (file_id := _next()) is not None:
        _do(file_id, limits, largest_chunk)
        count += 1
    return count


def _next() -> int | None:
    """The file whose turn it is, which is noted as tried; those tried before have to wait."""
    first = (
        select(ImportFile.id).where(UNDER_WAY).order_by(ImportFile.tries, ImportFile.id).limit(1)
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


def _do(file_id: int, limits: Limits, largest_chunk: int) -> None:
    began = time.monotonic()
    file = db.session.get(ImportFile, file_id, populate_existing=True)
    errand = file.under_way if file else None
    if file is None or errand is None:
        db.session.rollback()
        return
    try:
        if file.tries > MOST_TRIES:
            raise Refused(BROKE_OFF[errand])
        if errand == "read":
            read_left(file, limits)
        else:
            start_left(file, largest_chunk)
    except (BadFile, BadMapping, BadPolicy, Refused) as error:
        db.session.rollback()
        _refuse(file_id, str(error))
        log.info("import_file=%s could not be done: %s: %s", file_id, errand, error)
    except LookupError as error:
        db.session.rollback()
        log.info("import_file=%s was done in vain: %s: %s", file_id, errand, error)
    except BaseException:
        db.session.rollback()
        raise
    else:
        seconds = time.monotonic() - began
        log.info("import_file=%s errand=%s seconds=%.1f", file_id, errand, seconds)


def _refuse(file_id: int, problem: str) -> None:
    """Note why the errand could not be done; a file that was never read is not kept. Commits."""
    file = db.session.execute(
        update(ImportFile)
        .where(ImportFile.id == file_id, UNDER_WAY)
        .values(problem=problem, share_done=0, tries=0)
        .returning(ImportFile)
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    upload = file.upload if file is not None and not file.was_read else None
    db.session.commit()
    uploads.discard(upload)
