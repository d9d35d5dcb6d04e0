"""Adding people and changing what they may do. Each function writes to the current transaction
and to the audit log; the caller commits."""

from __future__ import annotations

import re
import unicodedata
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError

from massadmin.auth import audit, passwords, sessions
from massadmin.auth.models import User
from massadmin.auth.permissions import ROLES
from massadmin.extensions import db

# Sign-in names need no more; nothing is sent to them.
_ADDRESS = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+")
MAX_NAME_CHARS = 200
_LAST_ADMIN_LOCK = 7_201_944_163


class Refused(ValueError):
    """A change that cannot be made; the message says why, `field` which input it is about."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


def create_user(
    email: str,
    password: str,
    *,
    role: str,
    name: str = "",
    by: User | None = None,
    address: str = "",
) -> User:
    """Add a user. Raises `Refused` for a taken or malformed e-mail, a bad role or password."""
    email = email.strip().casefold()
    if len(email) > 254 or not _ADDRESS.fullmatch(email):
        raise Refused(f"{email!r} is not an e-mail address, such as ada@example.com", "email")
    _check_role(role)
    name = _plain_name(name) or email.partition("@")[0]
    _check_password(password, email, name)
    if by_email(email) is not None:
        raise Refused(f"{email} is already a user", "email")
    user = User(email=email, name=name, password_hash=passwords.hashed(password), role=role)
    try:
        with db.session.begin_nested():
            db.session.add(user)
    except IntegrityError as error:
        raise Refused(f"{email} is already a user", "email") from error
    audit.record("user_added", user=by, subject=email, details={"role": role}, address=address)
    return user


def by_email(email: str) -> User | None:
    return db.session.scalar(select(User).where(func.lower(User.email) == email.strip().casefold()))


def everybody() -> list[User]:
    """All users, the active ones first, by name."""
    return list(
        db.session.scalars(select(User).order_by(User.active.desc(), func.lower(User.name)))
    )


def set_password(
    user: User,
    password: str,
    *,
    by: User | None = None,
    keep_session: str | None = None,
    address: str = "",
) -> None:
    """Change a password and end every session of the user but the one named by `keep_session`."""
    _check_password(password, user.email, user.name)
    user.password_hash = passwords.hashed(password)
    ended = sessions.end_all(user, keep=keep_session)
    audit.record(
        "password_changed",
        user=by or user,
        subject=user.email,
        details={"sessions_ended": ended},
        address=address,
    )


def set_profile(user: User, *, name: str, timezone: str | None) -> None:
    """Change the name, and the zone times are shown in; None follows the installation's."""
    name = _plain_name(name)
    if not name:
        raise Refused("Enter a name.", "name")
    if timezone:
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise Refused(f"{timezone!r} is no time zone, such as Europe/Oslo", "timezone") from (
                error
            )
    user.name = name
    user.timezone = timezone or None


def set_role(user: User, role: str, *, by: User | None = None, address: str = "") -> None:
    """Give `user` another role; the last active admin keeps theirs."""
    _check_role(role)
    if user.role == role:
        return
    if user.role == "admin":
        _keep_one_admin(user)
    audit.record(
        "role_changed",
        user=by,
        subject=user.email,
        details={"before": user.role, "after": role},
        address=address,
    )
    user.role = role


def set_active(user: User, active: bool, *, by: User | None = None, address: str = "") -> None:
    """Let `user` in, or shut them out and end their sessions; the last active admin stays."""
    if user.active == active:
        return
    if not active and user.role == "admin":
        _keep_one_admin(user)
    user.active = active
    if not active:
        sessions.end_all(user)
    event = "user_activated" if active else "user_deactivated"
    audit.record(event, user=by, subject=user.email, address=address)


def set_preference(user: User, key: str, value: Any) -> None:
    """Set one preference by itself, so that two pages open at once do not undo each other."""
    changed = db.session.scalar(
        update(User)
        .where(User.id == user.id)
        .values(preferences=User.preferences.op("||")(literal({key: value}, JSONB)))
        .returning(User.preferences)
        .execution_options(synchronize_session=False)
    )
    db.session.refresh(user, ["preferences"])
    assert changed is not None


def _plain_name(name: str) -> str:
    """The name on one line, without blanks around it; it may be empty."""
    name = " ".join(name.split())
    if any(unicodedata.category(sign) == "Cc" for sign in name):
        raise Refused("A name cannot contain control characters.", "name")
    return name[:MAX_NAME_CHARS]


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise Refused(f"{role!r} is no role; choose one of {', '.join(ROLES)}", "role")


def _check_password(password: str, email: str, name: str) -> None:
    reasons = passwords.reasons_against(password, email=email, name=name)
    if reasons:
        raise Refused(" ".join(reasons), "password")


def _keep_one_admin(user: User) -> None:
    """Two admins who demote each other at the same moment are taken one after the other."""
    db.session.execute(select(func.pg_advisory_xact_lock(_LAST_ADMIN_LOCK)))
    others = db.session.scalar(
        select(func.count()).where(User.role == "admin", User.active, User.id != user.id)
    )
    if not others:
        raise Refused(f"{user.name} is the last admin; make somebody else an admin first", "role")
