"""Settling: the moves a run makes when no chunk of it is in flight.

A chunk in flight holds a shared advisory lock; settling asks for it exclusively and goes away when
it cannot have it at once, because the chunk's worker will settle afterwards. Any number of workers
and clocks may settle the same run; the conditional UPDATE lets one of them win.
"""

from __future__ import annotations

import logging
from functools import cache

from sqlalchemy import Select, bindparam, exists, func, select, text, update

from massadmin.auth import audit
from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.modules import get_module
from massadmin.runs.action import REGISTRY, get_action
from massadmin.runs.models import Run, RunChunk
from massadmin.runs.states import ENDED, targets

log = logging.getLogger(__name__)

# Advisory locks share one number space; runs take theirs from here upwards.
LOCK_BASE = 7_000_000_000_000
FINISH_LOCK = 5_000_000_000_003
# A worker that has been silent for so long in the middle of a chunk stands still, or its machine
# does: the database gives the chunk to others.
STALLED_SECONDS = 300
_SHOWN_IN_FLIGHT = text(
    "SELECT pg_advisory_xact_lock_shared(:key),"
    " set_config('idle_in_transaction_session_timeout', :stalled, true)"
)


def in_flight_lock(run_id: int) -> None:
    """Show, until the transaction ends, that a chunk of the run is being worked on; a worker that
    stands still may not show it for ever."""
    db.session.execute(
        _SHOWN_IN_FLIGHT, {"key": LOCK_BASE + run_id, "stalled": f"{STALLED_SECONDS}s"}
    )


def settle(run_id: int, *, finish: bool = False) -> str | None:
    """Pause or cancel the run if that is due now; its new state, else None. Commits.

    Args:
        finish: complete it as well, if every chunk is done. What remains to be done then, such as
            putting a large file together, may take minutes: that is for workers, not for the clock
            and the pages.
    """
    try:
        return _settle(run_id, finish)
    except BaseException:
        db.session.rollback()
        raise


def _settle(run_id: int, finish: bool) -> str | None:
    if not _is_due(run_id) or not db.session.scalar(
        select(func.pg_try_advisory_xact_lock(LOCK_BASE + run_id))
    ):
        db.session.rollback()
        return None
    run = db.session.execute(
        select(Run).where(Run.id == run_id).execution_options(populate_existing=True)
    ).scalar_one()
    pending = db.session.scalar(
        select(exists().where(RunChunk.run_id == run_id, RunChunk.state == "pending"))
    )
    completes = not pending and run.state in targets("complete")
    target = (targets("complete") if completes else targets("settle")).get(run.state)
    if target is None or (completes and not (finish and _may_finish(run))):
        db.session.rollback()
        return None
    if completes:
        try:
            with db.session.begin_nested():
                get_action(run.action).finish(run_id, run.params, get_module(run.module))
        except Exception as error:
            log.exception("run=%s could not be finished", run_id)
            target = targets("hold")[run.state]
            _change(run, target, f"It could not be finished: {error}")
            db.session.commit()
            return target
    if not _change(run, target):
        db.session.rollback()
        return None
    db.session.commit()
    log.info("run=%s state=%s", run_id, target)
    return target


def _may_finish(run: Run) -> bool:
    """Of the ends that take long, one is worked on at a time; other workers go on with chunks."""
    action = REGISTRY.get(run.action)
    if action is None or not action.slow_to_finish:
        return True
    return bool(db.session.scalar(select(func.pg_try_advisory_xact_lock(FINISH_LOCK))))


def _is_due(run_id: int) -> bool:
    """A quick look before any lock is asked for."""
    return bool(db.session.scalar(_looking(), {"run_id": run_id}))


@cache
def _looking() -> Select[int]:
    # Made once: every chunk asks it, and to make it takes longer than to execute it.
    pending = exists().where(RunChunk.run_id == Run.id, RunChunk.state == "pending")
    return select(Run.id).where(
        Run.id == bindparam("run_id"),
        Run.state.in_(targets("settle")) | (Run.state.in_(targets("complete")) & ~pending),
    )


def _change(run: Run, target: str, error: str | None = None) -> bool:
    """Write the new state, and the tallies when the run has ended; whether nobody was faster."""
    values: dict[str, object] = {"state": target, "error": error}
    if target in ENDED:
        for outcome in ("succeeded", "skipped", "failed"):
            values[outcome] = (
                select(func.coalesce(func.sum(getattr(RunChunk, outcome)), 0))
                .where(RunChunk.run_id == run.id)
                .scalar_subquery()
            )
        values["finished_at"] = func.clock_timestamp()
    changed = db.session.scalar(
        update(Run)
        .where(Run.id == run.id, Run.state == run.state)
        .values(**values)
        .returning(Run.id)
        .execution_options(synchronize_session=False)
    )
    if changed is not None:
        audit.record(
            f"run.{target}",
            user=db.session.get(User, run.user_id),
            subject=f"run:{run.id}",
            details={"error": error} if error else {},
        )
    return changed is not None


def unsettled_runs() -> list[int]:
    """Runs that are to be paused or cancelled as soon as no chunk of them is in flight."""
    waiting = select(Run.id).where(Run.state.in_(targets("settle")))
    return list(db.session.scalars(waiting.order_by(Run.id)))


def unfinished_runs(run_id: int | None = None) -> list[int]:
    """Runs (or only `run_id`) whose chunks are all done, and that have not ended for all that:
    their worker died in between, or another one is at it."""
    pending = exists().where(RunChunk.run_id == Run.id, RunChunk.state == "pending")
    done = select(Run.id).where(Run.id > 0, Run.state.in_(targets("complete")), ~pending)
    if run_id is not None:
        done = done.where(Run.id == run_id)
    return list(db.session.scalars(done.order_by(Run.id)))
