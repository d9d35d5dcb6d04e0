"""Applying an action to a chunk: every id gets its result, and errors are found by halving."""

from __future__ import annotations

import logging
from dataclasses import replace

from sqlalchemy.exc import DBAPIError, OperationalError

from massadmin.extensions import db
from massadmin.runs.action import Action
from massadmin.runs.chunk import Chunk, TryLater
from massadmin.runs.postpone import reason_of

log = logging.getLogger(__name__)

# The class of SQLSTATE that says that something is larger than the database can take.
PROGRAM_LIMIT = "54"


def apply_chunk(action: Action, chunk: Chunk) -> None:
    """Apply `action` to the chunk so that every id has exactly one result.

    The user's permission is checked anew. Records that an error is due to are found by halving,
    each try in a savepoint; they fail with the reason and the others are done.
    """
    needed = f"{chunk.module.key}.{action.needs(chunk.params)}"
    may = chunk.user.active and chunk.user.can(needed)
    if may:
        _apply_halving(action, chunk)
    else:
        chunk.skip(
            "SELECT unnest(CAST(:ids AS bigint[])) AS id, CAST(:reason AS text) AS reason",
            reason=f"{chunk.user.name} may no longer {action.label.lower()}",
        )
    written = sum(chunk.tally.values())
    if written != len(chunk.ids):
        raise RuntimeError(
            f"{action.key} left {len(chunk.ids) - written} of {len(chunk.ids)} without a result"
        )


def _apply_halving(action: Action, chunk: Chunk) -> None:
    try:
        with db.session.begin_nested():
            part = replace(chunk, tally=type(chunk.tally)())
            action.apply(part)
            if sum(part.tally.values()) < len(part.ids):
                action.settle(part)
    except Exception as error:
        if _passes(error):
            raise
        if len(chunk.ids) > 1:
            middle = len(chunk.ids) // 2
            for first, ids in ((0, chunk.ids[:middle]), (middle, chunk.ids[middle:])):
                half = replace(
                    chunk, ids=ids, position=chunk.position + first, tally=type(chunk.tally)()
                )
                _apply_halving(action, half)
                chunk.tally.update(half.tally)
            return
        log.warning("run=%s item=%s failed: %s", chunk.run_id, chunk.ids[0], reason_of(error))
        chunk.fail(
            "SELECT unnest(CAST(:ids AS bigint[])) AS id, CAST(:reason AS text) AS reason",
            reason=reason_of(error),
        )
    else:
        chunk.tally.update(part.tally)


def _passes(error: Exception) -> bool:
    """Whether an error has nothing to do with the records, so that trying later can help.

    A value too large for an index is an operational error too, but it comes with its record.
    """
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(error, OperationalError):
        state = getattr(error.orig, "sqlstate", None) or ""
        return not state.startswith(PROGRAM_LIMIT)
    return isinstance(error, TryLater)
