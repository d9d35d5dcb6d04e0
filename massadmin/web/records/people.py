"""People: who is signed in, and what everybody is called."""

from __future__ import annotations

from flask_login import current_user
from sqlalchemy import select

from massadmin.auth.models import User
from massadmin.extensions import db


def user_names(active: bool = False) -> dict[int, str]:
    """Names of everybody (or of those who are active) by id, in alphabetical order."""
    statement = select(User.id, User.name).order_by(User.name, User.id)
    if active:
        statement = statement.where(User.active)
    return {row.id: row.name for row in db.session.execute(statement)}


def me() -> User:
    """The person who is signed in."""
    return current_user._get_current_object()
