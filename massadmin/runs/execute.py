"""Execution: a worker takes one due chunk and does it in one transaction.

There is no lease and nothing to clean up: the chunk's row is locked while it is worked on, and a
shared advisory lock on the run tells others that a chunk is in flight. When the worker dies, the
database rolls back, both locks vanish, and the chunk is simply still due.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Exists, exists, func, select, update
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import aliased

from massadmin.auth import audit
from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.modules import get_module
from massadmin.runs.action import Action, Chunk, TryLater, get_action
from massadmin.runs.models import Run, RunChunk
from massadmin.runs.settle import in_flight_lock, settle, unfinished_runs
from massadmin.runs.states import WORKABLE, IllegalMove, after, move

log = logging.getLogger(__name__)

# A chunk that the database could not take this often stops its run until a person has looked.
MAX_ATTEMPTS = 6
MAX_BACKOFF_SECONDS = 60
# Runs looked at for a free chunk; with more than this many busy runs the rest waits its turn.
CANDIDATES = 20
# The class of SQLSTATE that says that something is larger than the database can take.
PROGRAM_LIMIT = "54"


def work_once(run_id: int | None = None) -> bool:
    """Do one due chunk, of run `run_id` or of whichever run was served longest ago; where there is
    none, finish a run whose worker died between its last chunk and its end.

    Returns:
        Whether there was work. False also when other workers hold all that is due.
    """
    due = (
        select(Run.id)
        .where(Run.state.in_(WORKABLE), _has_due_chunk())
        .order_by(Run.priority.desc(), Run.last_served_at.asc().nulls_first(), Run.id)
        .limit(CANDIDATES)
    )
    if run_id is not None:
        due = due.where(Run.id == run_id)
    candidates = list(db.session.scalars(due))
    if any(_serve(candidate) for candidate in candidates):
        return True
    unfinished = unfinished_runs(run_id)
    db.session.rollback()
    return any(settle(each, finish=True) for each in unfinished)


def drain(
    run_id: int | None = None,
    *,
    seconds: float | None = None,
    leave: Callable[[], bool] = lambda: False,
) -> int:
    """Do due chunks until none is left, the time is up, or `leave()`; how many were done."""
    ends = None if seconds is None else time.monotonic() + seconds
    done = 0
    while (ends is None or time.monotonic() < ends) and not leave() and work_once(run_id):
        done += 1
    return done


def has_due_work() -> bool:
    """Whether some run has a chunk that a worker could take now, or is to be finished."""
    due = exists().where(Run.state.in_(WORKABLE), _has_due_chunk())
    return bool(db.session.scalar(select(due))) or bool(unfinished_runs())


def _has_due_chunk() -> Exists:
    return exists().where(
        RunChunk.run_id == Run.id,
        RunChunk.state == "pending",
        RunChunk.due_at <= func.clock_timestamp(),
    )


def _serve(run_id: int) -> bool:
    """Do one chunk of this run, unless others hold them all."""
    seq: int | None = None
    try:
        _stamp(run_id)
        taken = _take(run_id)
        if taken is None:
            db.session.rollback()
            return False
        seq = taken.seq
        in_flight_lock(run_id)
        run = db.session.get_one(Run, run_id, populate_existing=True)
        if run.state != "running":
            db.session.rollback()
        else:
            _do(run, taken)
            db.session.commit()
    except (OperationalError, TryLater) as error:
        # A deadlock, a lost connection, a full disk: the chunk is tried again later.
        db.session.rollback()
        log.warning("run=%s chunk=%s will be tried again: %s", run_id, seq, _reason(error))
        if seq is not None:
            _postpone(run_id, seq, _reason(error))
    except Exception as error:
        # A mistake in an action, or an action that nobody offers any more. Trying again may not
        # help, but in the end a person sees the reason, and other runs are not held up.
        db.session.rollback()
        if seq is None:
            raise
        log.exception("run=%s chunk=%s could not be done", run_id, seq)
        _postpone(run_id, seq, _reason(error))
    except BaseException:
        db.session.rollback()
        raise
    settle(run_id, finish=True)
    return True


def _stamp(run_id: int) -> None:
    """Mark the run as served now, and as running, in a transaction of its own: the row must not
    stay locked while a chunk is being worked on."""
    db.session.execute(
        update(Run)
        .where(Run.id == run_id, Run.state.in_(WORKABLE))
        .values(
            state=after("begin"),
            last_served_at=func.clock_timestamp(),
            started_at=func.coalesce(Run.started_at, func.clock_timestamp()),
        )
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


@dataclass(frozen=True)
class _Taken:
    """A chunk that is locked: its ids, their place in the run, and the time of the database."""

    seq: int
    ids: list[int]
    position: int
    at: datetime


def _take(run_id: int) -> _Taken | None:
    earlier = aliased(RunChunk)
    position = (
        select(func.coalesce(func.sum(earlier.size), 0))
        .where(earlier.run_id == run_id, earlier.seq < RunChunk.seq)
        .scalar_subquery()
    )
    row = db.session.execute(
        select(RunChunk.seq, RunChunk.record_ids, position, func.clock_timestamp())
        .where(
            RunChunk.run_id == run_id,
            RunChunk.state == "pending",
            RunChunk.due_at <= func.clock_timestamp(),
        )
        .order_by(RunChunk.seq)
        .limit(1)
        .with_for_update(skip_locked=True, of=RunChunk)
    ).first()
    return None if row is None else _Taken(row[0], row[1], int(row[2] or 0), row[3])


def _do(run: Run, taken: _Taken) -> None:
    """Apply the action to the chunk and mark it done; the caller commits."""
    user = db.session.get_one(User, run.user_id, populate_existing=True)
    module = get_module(run.module)
    chunk = Chunk(
        run.id,
        taken.seq,
        module,
        taken.ids,
        run.params,
        user,
        original=run.undo_of,
        position=taken.position,
    )
    apply_chunk(get_action(run.action), chunk)
    db.session.execute(
        update(RunChunk)
        .where(RunChunk.run_id == run.id, RunChunk.seq == taken.seq)
        .values(
            state="done",
            succeeded=chunk.tally["succeeded"],
            skipped=chunk.tally["skipped"],
            failed=chunk.tally["failed"],
            started_at=taken.at,
            finished_at=func.clock_timestamp(),
        )
        .execution_options(synchronize_session=False)
    )
    log.info(
        "run=%s chunk=%s records=%s succeeded=%s skipped=%s failed=%s",
        run.id,
        taken.seq,
        len(taken.ids),
        chunk.tally["succeeded"],
        chunk.tally["skipped"],
        chunk.tally["failed"],
    )


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
        log.warning("run=%s item=%s failed: %s", chunk.run_id, chunk.ids[0], _reason(error))
        chunk.fail(
            "SELECT unnest(CAST(:ids AS bigint[])) AS id, CAST(:reason AS text) AS reason",
            reason=_reason(error),
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


def _reason(error: Exception) -> str:
    """An error in one line that a user may read."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        diagnosis = getattr(getattr(error.orig, "diag", None), "message_primary", None)
        return str(diagnosis or error.orig).strip().splitlines()[0][:300]
    return (str(error) or type(error).__name__).strip().splitlines()[0][:300]


def _postpone(run_id: int, seq: int, reason: str) -> None:
    """Put the chunk off, longer each time; at last hold the run for a person to look at."""
    attempts = db.session.scalar(
        update(RunChunk)
        .where(RunChunk.run_id == run_id, RunChunk.seq == seq, RunChunk.state == "pending")
        .values(
            attempts=RunChunk.attempts + 1,
            error=reason,
            due_at=func.clock_timestamp()
            + func.make_interval(
                0, 0, 0, 0, 0, 0, func.least(MAX_BACKOFF_SECONDS, func.power(2, RunChunk.attempts))
            ),
        )
        .returning(RunChunk.attempts)
        .execution_options(synchronize_session=False)
    )
    if attempts is not None and attempts >= MAX_ATTEMPTS:
        _hold(run_id, reason)
        db.session.execute(
            update(RunChunk)
            .where(RunChunk.run_id == run_id, RunChunk.seq == seq)
            .values(attempts=0, due_at=func.clock_timestamp())
            .execution_options(synchronize_session=False)
        )
    db.session.commit()


def _hold(run_id: int, reason: str) -> None:
    try:
        move(run_id, "hold", error=reason)
    except IllegalMove:  # somebody has paused or cancelled it meanwhile, and need not be told
        return
    starter = select(User).join(Run, Run.user_id == User.id).where(Run.id == run_id)
    audit.record(
        "run.holding",
        user=db.session.scalar(starter),
        subject=f"run:{run_id}",
        details={"error": reason},
    )
