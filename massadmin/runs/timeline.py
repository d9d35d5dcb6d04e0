"""What bulk actions did to one record, and why some left it alone."""

from __future__ import annotations

from sqlalchemy import func, select

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.modules import Module
from massadmin.records.timeline import Event
from massadmin.runs.action import REGISTRY
from massadmin.runs.models import Run, RunChunk, RunResult
from massadmin.runs.results import KEY, of_records


def touched(module: Module, record_id: int, limit: int) -> list[Event]:
    """The newest `limit` results of runs over the record, skipped and failed ones too."""
    at = func.coalesce(RunChunk.finished_at, Run.finished_at, Run.created_at)
    runs = select(Run.id).where(Run.module == module.key)
    rows = db.session.execute(
        select(RunResult, Run, User.name, at)
        .join(Run, Run.id == RunResult.run_id)
        .join(User, User.id == Run.user_id)
        .outerjoin(
            RunChunk, (RunChunk.run_id == RunResult.run_id) & (RunChunk.seq == RunResult.seq)
        )
        .where(KEY.in_(of_records([record_id], RunResult.run_id.in_(runs))))
        .order_by(at.desc(), Run.id.desc())
        .limit(limit)
    )
    return [
        Event(
            at=when,
            who=name,
            title=run.name,
            icon=REGISTRY[run.action].icon if run.action in REGISTRY else "list-checks",
            outcome=result.outcome,
            reason=result.reason or "",
            run_id=run.id,
            run_user_id=run.user_id,
            before=result.before or {},
            after=result.after or {},
        )
        for result, run, name, when in rows
    ]
