"""Execution: a worker takes one due chunk and does it in one transaction.

There is no lease and nothing to clean up: the chunk's row is locked while it is worked on, and a
shared advisory lock on the run tells others that a chunk is in flight. When the worker dies, the
database rolls back, both locks vanish, and the chunk is simply still due.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Exists, Select, Update, bindparam, exists, func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import aliased

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.modules import get_module
from massadmin.runs.action import get_action
from massadmin.runs.applying import apply_chunk
from massadmin.runs.chunk import Chunk, TryLater
from massadmin.runs.models import Run, RunChunk
from massadmin.runs.postpone import postpone, reason_of
from massadmin.runs.settle import in_flight_lock, settle, unfinished_runs
from massadmin.runs.states import WORKABLE, after

log = logging.getLogger(__name__)

# Runs looked at for a free chunk; with more than this many busy runs the rest waits its turn.
CANDIDATES = 20


def work_once(run_id: int | None = None) -> bool:
    """Do one due chunk, of run `run_id` or of whichever run was served longest ago; where there is
    none, finish a run whose worker died between its last chunk and its end.

    Returns:
        Whether there was work. False also when other workers hold all that is due.
    """
    candidates = list(db.session.scalars(_due(run_id is not None), {"run_id": run_id}))
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


# Statements that every chunk needs are made once: to make them takes longer than to execute them.


@cache
def _due(of_one_run: bool) -> Select[int]:
    due = (
        select(Run.id)
        .where(Run.state.in_(WORKABLE), _has_due_chunk())
        .order_by(Run.priority.desc(), Run.last_served_at.asc().nulls_first(), Run.id)
        .limit(CANDIDATES)
    )
    return due.where(Run.id == bindparam("run_id")) if of_one_run else due


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
        run, user = db.session.execute(_looking(), {"run_id": run_id}).one()
        if run.state != "running":
            db.session.rollback()
        else:
            _do(run, user, taken)
            db.session.commit()
    except (OperationalError, TryLater) as error:
        # A deadlock, a lost connection, a full disk: the chunk is tried again later.
        db.session.rollback()
        log.warning("run=%s chunk=%s will be tried again: %s", run_id, seq, reason_of(error))
        if seq is not None:
            postpone(run_id, seq, reason_of(error))
    except Exception as error:
        # A mistake in an action, or an action that nobody offers any more. Trying again may not
        # help, but in the end a person sees the reason, and other runs are not held up.
        db.session.rollback()
        if seq is None:
            raise
        log.exception("run=%s chunk=%s could not be done", run_id, seq)
        postpone(run_id, seq, reason_of(error))
    except BaseException:
        db.session.rollback()
        raise
    settle(run_id, finish=True)
    return True


def _stamp(run_id: int) -> None:
    """Mark the run as served now, and as running, in a transaction of its own: the row must not
    stay locked while a chunk is being worked on. The disk is not waited for: until a chunk is done,
    which does wait, nothing is lost with the mark."""
    db.session.execute(_stamping(), {"id_of_run": run_id})
    db.session.commit()


@cache
def _stamping() -> Update:
    return (
        update(Run)
        .where(Run.id == bindparam("id_of_run"), Run.state.in_(WORKABLE))
        .values(
            state=after("begin"),
            last_served_at=func.clock_timestamp(),
            started_at=func.coalesce(Run.started_at, func.clock_timestamp()),
        )
        .returning(func.set_config("synchronous_commit", "off", True))
        .execution_options(synchronize_session=False)
    )


@dataclass(frozen=True)
class _Taken:
    """A chunk that is locked: its ids, their place in the run, and the time of the database."""

    seq: int
    ids: list[int]
    position: int
    at: datetime


def _take(run_id: int) -> _Taken | None:
    row = db.session.execute(_taking(), {"run_id": run_id}).first()
    return None if row is None else _Taken(row[0], row[1], int(row[2] or 0), row[3])


@cache
def _taking() -> Select[Any]:
    earlier = aliased(RunChunk)
    position = (
        select(func.coalesce(func.sum(earlier.size), 0))
        .where(earlier.run_id == RunChunk.run_id, earlier.seq < RunChunk.seq)
        .scalar_subquery()
    )
    return (
        select(RunChunk.seq, RunChunk.record_ids, position, func.clock_timestamp())
        .where(
            RunChunk.run_id == bindparam("run_id"),
            RunChunk.state == "pending",
            RunChunk.due_at <= func.clock_timestamp(),
        )
        .order_by(RunChunk.seq)
        .limit(1)
        .with_for_update(skip_locked=True, of=RunChunk)
    )


@cache
def _looking() -> Select[Run, User]:
    """The run and who started it, as they are now."""
    return (
        select(Run, User)
        .join(User, User.id == Run.user_id)
        .where(Run.id == bindparam("run_id"))
        .execution_options(populate_existing=True)
    )


def _do(run: Run, user: User, taken: _Taken) -> None:
    """Apply the action to the chunk and mark it done; the caller commits."""
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
        _marking(),
        {
            "of_run": run.id,
            "of_seq": taken.seq,
            "began": taken.at,
            "succeeded": chunk.tally["succeeded"],
            "skipped": chunk.tally["skipped"],
            "failed": chunk.tally["failed"],
        },
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


@cache
def _marking() -> Update:
    return (
        update(RunChunk)
        .where(RunChunk.run_id == bindparam("of_run"), RunChunk.seq == bindparam("of_seq"))
        .values(
            state="done",
            succeeded=bindparam("succeeded"),
            skipped=bindparam("skipped"),
            failed=bindparam("failed"),
            started_at=bindparam("began"),
            finished_at=func.clock_timestamp(),
        )
        .execution_options(synchronize_session=False)
    )
