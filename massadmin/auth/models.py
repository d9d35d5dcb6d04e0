"""Rows about people: users, their sessions, failed sign-ins, and the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import (
    DDL,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Table,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from massadmin.auth.permissions import ROLES, allows, sees_all_records
from massadmin.extensions import Base


class User(Base):
    """A person who signs in. Never deleted, only deactivated: runs and the audit log name them."""

    __tablename__ = "users"
    __table_args__ = (
        Index("uq_users_email_lower", text("lower(email)"), unique=True),
        CheckConstraint("role IN ({})".format(", ".join(f"'{key}'" for key in ROLES)), name="role"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    email: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str]
    role: Mapped[str]
    active: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    timezone: Mapped[str | None]
    preferences: Mapped[dict[str, Any]] = mapped_column(
        JSONB, server_default=text("'{}'::jsonb"), default=dict
    )
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    last_seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __allow_unmapped__ = True  # for `session_token`, which is no column
    is_anonymous = False
    session_token: str | None = None
    """The secret of the session this object was loaded by; None outside a web request."""

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def is_active(self) -> bool:
        return self.active

    def get_id(self) -> str:
        """What Flask-Login keeps in the cookie: the session's secret, never the user's number."""
        if self.session_token is None:
            raise LookupError("this user was not loaded by a session")
        return self.session_token

    @property
    def role_label(self) -> str:
        return ROLES[self.role]

    @property
    def initials(self) -> str:
        """One or two capital letters that stand for the person: `Ada Lovelace` is `AL`."""
        words = [word for word in self.name.split() if word[0].isalnum()] or [self.email]
        ends = words[:1] + words[1:][-1:]
        return "".join(word[0] for word in ends).upper()

    def can(self, permission: str) -> bool:
        """Whether the user may do `<module>.<verb>` now; somebody deactivated may do nothing."""
        return self.active and allows(self.role, permission)

    @property
    def sees_all_records(self) -> bool:
        return sees_all_records(self)

    @property
    def zone(self) -> str:
        """The IANA zone in which the person reads and writes times."""
        return self.timezone or str(current_app.config["SETTINGS"].timezone)

    def preference(self, key: str, default: Any = None) -> Any:
        return (self.preferences or {}).get(key, default)


class UserSession(Base):
    """One browser that is signed in. Deleting the row signs it out, whatever cookie it keeps."""

    __tablename__ = "user_sessions"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
    address: Mapped[str] = mapped_column(server_default="", default="")
    agent: Mapped[str] = mapped_column(server_default="", default="")

    user: Mapped[User] = relationship()


class SignInAttempt(Base):
    """A sign-in that failed or is being checked; the throttle counts these rows."""

    __tablename__ = "sign_in_attempts"
    __table_args__ = (
        Index("ix_sign_in_attempts_email_at", "email", "at"),
        Index("ix_sign_in_attempts_address_at", "address", "at"),
        Index("ix_sign_in_attempts_at", "at"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    email: Mapped[str]
    address: Mapped[str]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class AuditEntry(Base):
    """Something that somebody did. Written once; the database refuses to change it."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_event_id", "event", "id"),
        Index("ix_audit_log_user_id_id", "user_id", "id"),
        Index("ix_audit_log_at", "at"),
        Index("ix_audit_log_subject_id", "subject", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    who: Mapped[str]
    event: Mapped[str]
    subject: Mapped[str] = mapped_column(server_default="", default="")
    details: Mapped[dict[str, Any]] = mapped_column(
        JSONB, server_default=text("'{}'::jsonb"), default=dict
    )
    address: Mapped[str] = mapped_column(server_default="", default="")


AUDIT_APPEND_ONLY = (
    """
CREATE FUNCTION audit_log_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only: % refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$
""",
    """
CREATE TRIGGER audit_log_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse_change()
""",
)
"""Statement level, so that even a change that meets no row is refused. Migrations repeat these."""

_audit_table = AuditEntry.__table__
assert isinstance(_audit_table, Table)
for _statement in AUDIT_APPEND_ONLY:
    event.listen(
        _audit_table,
        "after_create",
        DDL(_statement.replace("%", "%%")),  # type: ignore[no-untyped-call]  # SQLAlchemy's own
    )
event.listen(
    _audit_table,
    "after_drop",
    DDL(  # type: ignore[no-untyped-call]  # SQLAlchemy's own
        "DROP FUNCTION IF EXISTS audit_log_refuse_change()"
    ),
)
