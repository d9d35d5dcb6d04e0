"""Control: what a person asks of a run that is going, and who may ask it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, select, true

from massadmin.auth import audit
from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.runs import dispatch
from massadmin.runs.models import Run
from massadmin.runs.settle import settle
from massadmin.runs.start import NotAllowed
from massadmin.runs.states import move


def visible_runs(user: User) -> ColumnElement[bool]:
    """The clause that selects the runs `user` may see: all, or only their own."""
    return true() if user.can("runs.view_all") else Run.user_id == user.id


def find_run(run_id: int, user: User) -> Run | None:
    """A run the user may see, or None."""
    return db.session.execute(
        select(Run)
        .where(Run.id == run_id, visible_runs(user))
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()


def may_control(run: Run, user: User) -> bool:
    """People steer their own runs; who has `runs.control` steers all."""
    return run.user_id == user.id or user.can("runs.control")


def control(run: Run, verb: str, user: User) -> str:
    """Pause, resume or cancel a run; its new state. Commits.

    Raises:
        NotAllowed: the run is somebody else's.
        IllegalMove: its state does not allow it.
    """
    if not may_control(run, user):
        raise NotAllowed("Only who started a bulk action, a manager or an admin can do that.")
    state = move(run.id, verb)
    audit.record(f"run.{verb}", user=user, subject=f"run:{run.id}")
    db.session.commit()
    if verb == "resume":
        dispatch.ring()
    return settle(run.id) or state
