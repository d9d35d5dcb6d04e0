"""The people that an imported file may name as owners."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import select

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.modules import Module


def possible_owners(module: Module, user: User) -> dict[str, int]:
    """Ids of those whom `user` may give records to, by e-mail and, where it is one person's only,
    by name, lower case. Who may not assign records may name themselves."""
    people = db.session.execute(select(User.id, User.email, User.name).where(User.active)).all()
    if not user.can(f"{module.key}.assign"):
        people = [each for each in people if each.id == user.id]
    namesakes = Counter(each.name.lower() for each in people)
    named = {each.name.lower(): each.id for each in people if namesakes[each.name.lower()] == 1}
    return {**named, **{each.email.lower(): each.id for each in people}}
