"""Leaving: what takes too long for somebody to wait for is left to the clock, as a file's errand.

A file has one errand at a time: to be read, or to have its import started. It is done in one
transaction, so that a clock that is killed leaves the file as it was. How far it is stands in the
file's row, written by the way; so does why it could not be done.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import update

from massadmin.extensions import db
from massadmin.imports.models import UNDER_WAY, Errand, ImportFile

TELL_SECONDS = 1.0
NOT_NOW = "This file was imported already, or is being read or imported. Look at it again."
# What a file's row holds when there is nothing to do for it.
NOTHING_LEFT: dict[str, Any] = {
    "errand": None,
    "choices": {},
    "share_done": 0,
    "tries": 0,
    "problem": None,
}


def leave(file_id: int, errand: Errand, choices: dict[str, Any], **more: Any) -> None:
    """Leave a file to the clock. Commits.

    Args:
        choices: with which the errand is to be done, as JSON values.
        more: what else is noted in the file's row.

    Raises:
        LookupError: it was imported meanwhile, or left to the clock already.
    """
    values = {**NOTHING_LEFT, "errand": errand, "choices": choices, **more}
    left = db.session.scalar(
        update(ImportFile)
        .where(ImportFile.id == file_id, ImportFile.run_id.is_(None), ~UNDER_WAY)
        .values(**values)
        .returning(ImportFile.id)
    )
    db.session.commit()
    if left is None:
        raise LookupError(NOT_NOW)


class Teller:
    """Writes down how much of an errand is done, at times, beside the transaction that does it.

    That must not have locked the file's row, which would have the two wait for each other.
    """

    def __init__(self, file_id: int) -> None:
        self._id = file_id
        self._told = time.monotonic()

    def __call__(self, share: float) -> None:
        """Tell that so much is done, from 0 to 1."""
        if time.monotonic() - self._told < TELL_SECONDS:
            return
        percent = max(0, min(99, int(100 * share)))
        with db.engine.begin() as connection:
            connection.execute(
                update(ImportFile).where(ImportFile.id == self._id).values(share_done=percent)
            )
        self._told = time.monotonic()
