"""Putting off: what becomes of a chunk that could not be done."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError

from massadmin.auth import audit
from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.runs.models import Run, RunChunk
from massadmin.runs.states import IllegalMove, move

# A chunk that the database could not take this often stops its run until a person has looked.
MAX_ATTEMPTS = 6
MAX_BACKOFF_SECONDS = 60


def postpone(run_id: int, seq: int, reason: str) -> None:
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


def reason_of(error: Exception) -> str:
    """An error in one line that a user may read."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        diagnosis = getattr(getattr(error.orig, "diag", None), "message_primary", None)
        return str(diagnosis or error.orig).strip().splitlines()[0][:300]
    return (str(error) or type(error).__name__).strip().splitlines()[0][:300]
