"""Settling: the moves a run makes when no chunk of it is in flight.

A chunk in flight holds a shared advisory lock; settling asks for it exclusively and goes away when
it cannot have it at once, because the chunk's worker will settle afterwards. Any number of workers
and clocks may settle the same run; the conditional UPDATE lets one of them win.
"""

from __future__ import annotations

import logging

from sqlalchemy import exists, func, select, text, update

from massadmin.auth import audit
from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.modules import get_module
from massadmin.runs.action import get_action
from massadmin.runs.models import Run, RunChunk
from massadmin.runs.states import ENDED, targets

log = logging.getLogger(__name__)

# Advisory locks share one number space; runs take theirs from here upwards.
LOCK_BASE = 7_000_000_000_000


def in_flight_lock(run_id: int) -> None:
    """Show, until the transaction ends, that a chunk of the run is being worked on."""
    db.session.execute(
        text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": LOCK_BASE + run_id}
    )


def settle(run_id: int) -> str | None:
    """Complete, pause or cancel the run if that is due now; its new state, else None. Commits."""
    try:
        return _settle(run_id)
    except BaseException:
        db.session.rollback()
        raise


def _settle(run_id: int) -> str | None:
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
    if target is None:
        db.session.rollback()
        return None
    if completes:
        try:
            with db.session.begin_nested():
                get_action(run.action).finish(run_id, run.params, get_module(run.module))
        except Exception as error:
            log.exception("run=%s could not be finished", run_id)
            _change(run, "holding", f"It could not be finished: {error}")
            db.session.commit()
            return "holding"
    if not _change(run, target):
        db.session.rollback()
        return None
    db.session.commit()
    log.info("run=%s state=%s", run_id, target)
    return target


def _is_due(run_id: int) -> bool:
    """A quick look before any lock is asked for."""
    pending = exists().where(RunChunk.run_id == run_id, RunChunk.state == "pending")
    return bool(
        db.session.scalar(
            select(Run.id).where(
                Run.id == run_id,
                Run.state.in_(targets("settle")) | (Run.state.in_(targets("complete")) & ~pending),
            )
        )
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
    """Runs whose settling was missed, because a worker died between commit and settling."""
    pending = exists().where(RunChunk.run_id == Run.id, RunChunk.state == "pending")
    return list(
        db.session.scalars(
            select(Run.id)
            .where(
                Run.state.in_(targets("settle")) | (Run.state.in_(targets("complete")) & ~pending)
            )
            .order_by(Run.id)
        )
    )
