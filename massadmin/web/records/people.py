"""People: who is signed in, and what everybody is called."""

from __future__ import annotations

from flask_login import current_user
from sqlalchemy import select

from massadmin.auth.models import User
from massadmin.extensions import db

# Most pages ask this, and putting it together takes longer than its answer.
_EVERYBODY = select(User.id, User.name).order_by(User.name, User.id)
_ACTIVE = _EVERYBODY.where(User.active)


def user_names(active: bool = False) -> dict[int, str]:
    """Names of everybody (or of those who are active) by id, in alphabetical order."""
    return {row.id: row.name for row in db.session.execute(_ACTIVE if active else _EVERYBODY)}


def me() -> User:
    """The person who is signed in."""
    return current_user._get_current_object()
