"""Deletion: what lies in the trash, how long it can come back, and how it ends.

Deleting is soft. The record keeps its row and whatever hangs on it, tags among others, so that all
of it comes back together; it only gains `deleted_at`, `deleted_by` and `deleted_run_id`. Purging
removes the row for good, and the database removes what hangs on it (ON DELETE CASCADE).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import BigInteger, Select, delete, func, literal, select

from massadmin.auth.models import User
from massadmin.config import Settings
from massadmin.extensions import db
from massadmin.records.filter_sql import visible
from massadmin.records.modules import Module
from massadmin.records.timeline import forget

# A deletion is counted no further than this on the page that lists them.
COUNTED = 10_000


def restore_days() -> int:
    """Days for which a deleted record can be restored; then it is purged."""
    settings: Settings = current_app.config["SETTINGS"]
    return settings.restore_days


def days_left(deleted_at: datetime, now: datetime | None = None) -> int:
    """Whole days until the record may be purged, rounded up; 0 when it is due."""
    ends = deleted_at + timedelta(days=restore_days())
    return max(0, -((ends - (now or datetime.now(UTC))) // -timedelta(days=1)))


def purge_some(module: Module, days: int, limit: int) -> dict[int, int | None]:
    """Remove up to `limit` records that were deleted more than `days` days ago, and what was done
    to them by hand.

    Records that somebody is restoring at this moment are left to the next time. The caller
    commits.

    Returns:
        By the id of each, the run that deleted it.
    """
    table = module.table
    due = (
        select(table.c.id)
        .where(table.c.deleted_at < func.now() - func.make_interval(0, 0, 0, days))
        .order_by(table.c.deleted_at, table.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    gone = (
        delete(table)
        .where(table.c.id.in_(select(due.c.id)))
        .returning(table.c.id, table.c.deleted_run_id)
    )
    purged = {row.id: row.deleted_run_id for row in db.session.execute(gone)}
    forget(module, list(purged))
    return purged


@dataclass(frozen=True)
class Deletion:
    """What one run put into the trash and is still there: `count` records, counted up to
    `COUNTED + 1`, deleted at about `deleted_at` by the user `deleted_by`."""

    run_id: int
    count: int
    deleted_at: datetime
    deleted_by: int | None


def recent_deletions(module: Module, user: User, limit: int) -> list[Deletion]:
    """The newest `limit` runs that have records in the trash which `user` may see."""
    table = module.table
    mine = visible(module, user, trash=True)
    # One step into the index per run, however many records each of them deleted.
    steps = (
        select(func.max(table.c.deleted_run_id).label("run_id"), literal(1).label("step"))
        .where(mine, table.c.deleted_run_id.is_not(None))
        .cte("steps", recursive=True)
    )
    below = (
        select(func.max(table.c.deleted_run_id))
        .where(mine, table.c.deleted_run_id < steps.c.run_id)
        .scalar_subquery()
    )
    steps = steps.union_all(
        select(below, steps.c.step + 1).where(steps.c.run_id.is_not(None), steps.c.step < limit)
    )
    return _still_there(module, user, select(steps.c.run_id).where(steps.c.run_id.is_not(None)))


def deletion_by(module: Module, user: User, run_id: int) -> Deletion | None:
    """What one run deleted and is still there; None when nothing of it is."""
    found = _still_there(module, user, select(literal(run_id, BigInteger).label("run_id")))
    return found[0] if found else None


def _still_there(module: Module, user: User, run_ids: Select[Any]) -> list[Deletion]:
    table, runs = module.table, run_ids.subquery()
    some = (
        select(table.c.deleted_at, table.c.deleted_by)
        .where(visible(module, user, trash=True), table.c.deleted_run_id == runs.c.run_id)
        .limit(COUNTED + 1)
        .lateral()
    )
    rows = db.session.execute(
        select(
            runs.c.run_id,
            func.count().label("count"),
            func.max(some.c.deleted_at).label("deleted_at"),
            func.max(some.c.deleted_by).label("deleted_by"),
        )
        .join(some, literal(True))
        .group_by(runs.c.run_id)
        .order_by(runs.c.run_id.desc())
    )
    return [Deletion(*row) for row in rows]
