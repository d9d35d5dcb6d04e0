"""Starting a run: checked, frozen, committed; only then is a worker rung."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from massadmin.auth import audit
from massadmin.auth.models import User
from massadmin.config import Settings
from massadmin.extensions import db
from massadmin.records.modules import Module
from massadmin.runs import alive, dispatch
from massadmin.runs.action import Action, get_action
from massadmin.runs.audience import Audience, of_results
from massadmin.runs.freeze import chunk_size, freeze
from massadmin.runs.models import Run
from massadmin.runs.states import ACTIVE, ENDED, move

MAX_NAME_CHARS = 120
# Of an idempotency key; ours are UUIDs.
MAX_KEY_CHARS = 200


class Refused(Exception):
    """The run cannot be started; the message says why."""


class NotAllowed(Refused):
    """The user lacks the permission."""


class Drifted(Refused):
    """The audience is not the one the user saw. `count` is what it is now."""

    def __init__(self, expected: int, count: int) -> None:
        self.expected, self.count = expected, count
        super().__init__(
            f"You confirmed {expected:,} records, but the selection now holds {count:,}."
        )


class Conflict(Refused):
    """The idempotency key was used before, for something else."""


def check_permission(
    action: Action, module: Module, user: User, params: dict[str, Any] | None = None
) -> None:
    """Whether `user` may use `action` in `module`, with these settings.

    Raises:
        NotAllowed: they may not.
    """
    needed = action.permission if params is None else action.needs(params)
    if not user.can(f"{module.key}.{needed}"):
        raise NotAllowed(f"Your role may not {action.label.lower()} in {module.label}.")


def start(
    action: Action,
    module: Module,
    audience: Audience,
    params: dict[str, Any],
    user: User,
    *,
    largest_chunk: int = Settings.chunk_size,
    name: str = "",
    expected: int | None = None,
    idempotency_key: str | None = None,
    undo_of: int | None = None,
    retry_of: int | None = None,
) -> Run:
    """Freeze the audience, queue the run, commit, and ring for workers.

    The same idempotency key with the same content gives the run that exists already.

    Args:
        params: as `action.params` gave them.
        expected: the count the user confirmed; None skips that check.

    Raises:
        NotAllowed: the user may not.
        Drifted: the audience is not `expected`; nothing was started.
        Conflict: the key was used for something else.
        Refused: nothing is selected.
    """
    check_permission(action, module, user, params)
    key = idempotency_key or str(uuid.uuid4())
    if len(key) > MAX_KEY_CHARS or not (key.isascii() and key.isprintable()):
        raise Refused("This form was not made by the console. Open it again.")
    content = json.dumps(
        [action.key, module.key, params, audience.asked, undo_of, retry_of],
        sort_keys=True,
    )
    body_hash = hashlib.sha256(content.encode()).hexdigest()
    run_id = db.session.scalar(
        insert(Run)
        .values(
            action=action.key,
            module=module.key,
            name="",
            user_id=user.id,
            state="draft",
            idempotency_key=key,
            body_hash=body_hash,
            undo_of=undo_of,
            retry_of=retry_of,
            query={"words": audience.words, **audience.stored},
        )
        .on_conflict_do_nothing(index_elements=[Run.user_id, Run.idempotency_key])
        .returning(Run.id)
    )
    if run_id is None:
        return _earlier(user, key, body_hash)
    params = action.prepare(params, module, user)
    expected_total = expected if expected is not None else audience.count()
    # To take a record back takes as long as it took to change it.
    pace = action if undo_of is None else get_action(params["action"])
    largest = min(largest_chunk, pace.largest_chunk or largest_chunk)
    size = action.chunk_size or chunk_size(expected_total, largest)
    total = freeze(run_id, audience, size)
    if expected is not None and total != expected:
        db.session.rollback()
        raise Drifted(expected, total)
    if total == 0:
        db.session.rollback()
        raise Refused("Nothing is selected that this action could work on.")
    title = " ".join(name.split())[:MAX_NAME_CHARS] or action.summary(params, module)
    db.session.execute(
        update(Run).where(Run.id == run_id).values(params=params, name=title, total=total)
    )
    move(run_id, "queue")
    audit.record(
        "run.started",
        user=user,
        subject=f"run:{run_id}",
        details={"action": action.key, "module": module.key, "records": total},
    )
    # A ticket for each worker that can take part: each does as much as it can, and one that comes
    # later rings by itself. Of a ticket for every chunk, most would find nothing left to do.
    workers = max(1, alive.count_alive("worker"))
    db.session.commit()
    dispatch.ring(tickets=min(workers, -(-total // size)))
    return db.session.execute(select(Run).where(Run.id == run_id)).scalar_one()


def undo(run: Run, module: Module, user: User, **options: Any) -> Run:
    """Start the run that takes `run` back.

    Raises:
        Refused: it is still going, cannot be undone, or is being undone already.
    """
    original = get_action(run.action)
    if not original.reversible:
        raise Refused(f"“{original.label}” cannot be undone.")
    if run.state not in ENDED:
        raise Refused("Only a bulk action that has ended can be undone. Cancel it first.")
    key = options.get("idempotency_key")
    _only_one_at_a_time(run, user, Run.undo_of, key, "It is being undone already.")
    return start(
        get_action("undo"),
        module,
        of_results(run.id, "succeeded"),
        {"run": run.id, "action": run.action, "name": run.name},
        user,
        undo_of=run.id,
        **options,
    )


def retry(run: Run, module: Module, user: User, **options: Any) -> Run:
    """Start a run of the same action, with the same settings, over the records that failed.

    Raises:
        Refused: it is still going, nothing that failed is left, it is being retried already, or
            the action cannot be repeated.
    """
    action = get_action(run.action)
    if not action.retryable:
        raise Refused(f"“{action.label}” cannot be repeated for some of its records.")
    if run.state not in ENDED:
        raise Refused("Only a bulk action that has ended can be retried.")
    key = options.get("idempotency_key")
    _only_one_at_a_time(run, user, Run.retry_of, key, "It is being retried already.")
    return start(
        action,
        module,
        of_results(run.id, "failed"),
        run.params,
        user,
        name=options.pop("name", "") or f"Retry of {run.name}",
        undo_of=run.undo_of,
        retry_of=run.id,
        **options,
    )


def _only_one_at_a_time(
    run: Run,
    user: User,
    relation: InstrumentedAttribute[int | None],
    idempotency_key: str | None,
    refusal: str,
) -> None:
    """Refuse when another run of this relation to `run` goes on; the second of two clicks is told
    from another person's by its key. Two who come at once wait for each other here."""
    db.session.execute(select(Run.id).where(Run.id == run.id).with_for_update(key_share=True))
    others = db.session.execute(
        select(Run.user_id, Run.idempotency_key).where(relation == run.id, Run.state.in_(ACTIVE))
    ).all()
    if any(tuple(other) != (user.id, idempotency_key) for other in others):
        db.session.rollback()
        raise Refused(refusal)


def _earlier(user: User, key: str, body_hash: str) -> Run:
    db.session.rollback()
    run = db.session.execute(
        select(Run).where(Run.user_id == user.id, Run.idempotency_key == key)
    ).scalar_one()
    if run.body_hash != body_hash:
        raise Conflict("This form was already used to start another bulk action. Open it again.")
    return run
