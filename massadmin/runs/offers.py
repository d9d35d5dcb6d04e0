"""Offers: what a person can do about a run at this moment, and why not where they cannot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.deletion import days_left
from massadmin.runs.action import REGISTRY
from massadmin.runs.control import may_control
from massadmin.runs.models import Run
from massadmin.runs.states import ACTIVE, ENDED, legal_verbs


@dataclass(frozen=True)
class Offer:
    """One thing that could be done; `why` says why it cannot be now, and is empty when it can.
    `days` are those left for it, where they are counted."""

    why: str = ""
    days: int | None = None

    @property
    def open(self) -> bool:
        """Whether it can be done now."""
        return not self.why


@dataclass(frozen=True)
class Offers:
    """What can be done about one run. None where the question does not arise."""

    verbs: tuple[str, ...] = ()
    retry: Offer | None = None
    undo: Offer | None = None
    restore: Offer | None = None


@dataclass(frozen=True)
class Undoing:
    """A run that takes another back, and its state."""

    run_id: int
    state: str


def undoings(run_ids: Iterable[int]) -> dict[int, Undoing]:
    """The newest run that undoes each of these, by the id of the undone."""
    ids = list(run_ids)
    if not ids:
        return {}
    rows = db.session.execute(
        select(Run.undo_of, Run.id, Run.state)
        .where(Run.undo_of.in_(ids), Run.state != "draft")
        .order_by(Run.id)
    )
    return {row.undo_of: Undoing(row.id, row.state) for row in rows}


def offers_of(run: Run, user: User, undoing: Undoing | None = None) -> Offers:
    """What `user` can do about `run`, which `undoing` takes back."""
    verbs = tuple(legal_verbs(run.state)) if may_control(run, user) else ()
    action = REGISTRY.get(run.action)
    if run.state not in ENDED or action is None:
        return Offers(verbs)
    retry = undo = restore = None
    lacking = _lacking(run, user, action.needs(run.params), action.label)
    if run.failed:
        retry = Offer(lacking or ("" if action.retryable else f"{action.label} cannot be repeated"))
    if not run.succeeded:
        return Offers(verbs, retry)
    if action.revert_in_trash and "restore" in REGISTRY:
        restore = _restoring(run, user)
    elif action.key != "undo":
        undo = Offer(
            ("" if action.reversible else f"{action.label} cannot be undone")
            or lacking
            or _undone(undoing)
        )
    return Offers(verbs, retry, undo, restore)


def _restoring(run: Run, user: User) -> Offer:
    action = REGISTRY["restore"]
    left = days_left(_end(run))
    if not left:
        return Offer("The time to restore is over", 0)
    return Offer(_lacking(run, user, action.permission, action.label), left)


def _lacking(run: Run, user: User, verb: str, label: str) -> str:
    may = user.can(f"{run.module}.{verb}")
    return "" if may else f"Your role may not {label.lower()}"


def _undone(undoing: Undoing | None) -> str:
    if undoing is None:
        return ""
    if undoing.state in ACTIVE:
        return f"It is being undone by bulk action {undoing.run_id}"
    if undoing.state == "completed":
        return f"It was undone by bulk action {undoing.run_id}"
    return ""


def _end(run: Run) -> datetime:
    return run.finished_at or run.created_at
