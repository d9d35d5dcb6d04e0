"""Preview: the action itself, applied to a sample in a transaction that is rolled back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.exc import OperationalError

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.modules import Module
from massadmin.runs.action import Action
from massadmin.runs.applying import apply_chunk
from massadmin.runs.audience import Audience
from massadmin.runs.chunk import Chunk, TryLater
from massadmin.runs.models import Run, RunResult
from massadmin.runs.reasons import counted
from massadmin.runs.start import Refused, check_permission

SAMPLE = 1_000
SHOWN = 10


@dataclass(frozen=True)
class Change:
    """One record of the sample: what would happen to it. `before` and `after` as in results."""

    item: int
    record_id: int | None
    outcome: str
    reason: str | None
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True)
class Preview:
    """What the action would do. The tallies are of the `sampled` first records out of `total`;
    `reasons` lists (outcome, reason, count), most frequent first; `changes` are examples, those
    that would change first. `anew` counts successes without a before: records that were made."""

    total: int
    sampled: int
    tally: dict[str, int]
    reasons: list[tuple[str, str, int]]
    changes: list[Change]
    params: dict[str, Any]
    anew: int = 0


def preview(
    action: Action,
    module: Module,
    audience: Audience,
    params: dict[str, Any],
    user: User,
    *,
    sample: int = SAMPLE,
    undo_of: int | None = None,
) -> Preview:
    """Rehearse the action on the first `sample` records. Rolls the session back.

    Raises:
        NotAllowed: the user may not.
        Refused: the records are being changed by somebody else just now.
    """
    check_permission(action, module, user, params)
    try:
        return _rehearse(action, module, audience, params, user, sample, undo_of)
    except OperationalError as error:
        raise Refused("These records are being changed right now. Try again shortly.") from error
    except TryLater as error:
        raise Refused(str(error)) from error
    finally:
        db.session.rollback()


def _rehearse(
    action: Action,
    module: Module,
    audience: Audience,
    params: dict[str, Any],
    user: User,
    sample: int,
    undo_of: int | None,
) -> Preview:
    db.session.execute(text("SET LOCAL lock_timeout = '3s'"))
    total = audience.count()
    (item,) = audience.ids.subquery().c
    ids = list(db.session.scalars(select(item).order_by(item).limit(sample)))
    # A negative id, so that rehearsals leave no gaps among the runs that people see.
    run_id = -int(db.session.scalar(text("SELECT pg_backend_pid()")) or 1)
    params = action.prepare(params, module, user)
    db.session.execute(
        insert(Run).values(
            id=run_id,
            action=action.key,
            module=module.key,
            name="rehearsal",
            user_id=user.id,
            state="draft",
            idempotency_key=f"rehearsal {run_id}",
            body_hash="",
            undo_of=undo_of,
        )
    )
    chunk = Chunk(run_id, 0, module, ids, params, user, original=undo_of, rehearsal=True)
    if ids:
        apply_chunk(action, chunk)
    results = list(db.session.scalars(select(RunResult).where(RunResult.run_id == run_id)))
    rank = {"succeeded": 0, "failed": 1, "skipped": 2}
    results.sort(key=lambda each: (rank[each.outcome], each.item))
    return Preview(
        total=total,
        sampled=len(ids),
        tally={outcome: chunk.tally[outcome] for outcome in rank},
        reasons=counted((each.outcome, each.reason or "") for each in results),
        changes=[
            Change(
                each.item,
                each.record_id,
                each.outcome,
                each.reason,
                each.before or {},
                each.after or {},
            )
            for each in results[:SHOWN]
        ],
        params=params,
        anew=sum(each.outcome == "succeeded" and each.before is None for each in results),
    )
