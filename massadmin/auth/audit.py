"""The audit log: who did what, when, to what. Entries are added and never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, insert, or_, select

from massadmin.auth.models import AuditEntry, User
from massadmin.extensions import db

EVENTS = {
    "sign_in": "Signed in",
    "sign_in_failed": "Sign-in failed",
    "sign_in_throttled": "Sign-in throttled",
    "sign_out": "Signed out",
    "sessions_ended": "Ended other sessions",
    "password_changed": "Changed password",
    "user_added": "Added a user",
    "user_changed": "Changed a user",
    "role_changed": "Changed a role",
    "user_deactivated": "Deactivated a user",
    "user_activated": "Reactivated a user",
}
"""Words for the events of this package; other packages add theirs with `name_events`."""


def name_events(events: Mapping[str, str]) -> None:
    """Give the events of another package the words the audit page shows."""
    EVENTS.update(events)


def label(event: str) -> str:
    """The words for an event; one nobody named reads as its key does."""
    return EVENTS.get(event) or event.replace("_", " ").replace(".", " ").capitalize()


def record(
    event: str,
    *,
    user: User | None,
    subject: str = "",
    details: Mapping[str, Any] | None = None,
    address: str = "",
    who: str = "",
) -> None:
    """Add an entry to the current transaction: it is kept if, and only if, the deed is.

    `who` names the doer where there is no user, such as an address that failed to sign in.
    """
    db.session.execute(
        insert(AuditEntry).values(
            event=event,
            user_id=user.id if user else None,
            who=f"{user.name} <{user.email}>" if user else (who or "system"),
            subject=subject,
            details=dict(details or {}),
            address=address,
        )
    )


def entries(
    *,
    events: Sequence[str] = (),
    user_id: int | None = None,
    subject: str = "",
    text: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> list[AuditEntry]:
    """The newest entries that match, at most `limit`, with ids below `before_id`.

    `since` is inclusive and `until` exclusive; `subject` is the whole of it, `text` is sought in
    who, subject and address.
    """
    if any("\x00" in each for each in (*events, subject, text)):
        return []  # no entry can hold one
    query: Select[AuditEntry] = select(AuditEntry).order_by(AuditEntry.id.desc())
    if events:
        query = query.where(AuditEntry.event.in_(events))
    if user_id is not None:
        query = query.where(AuditEntry.user_id == user_id)
    if subject:
        query = query.where(AuditEntry.subject == subject)
    if text:
        query = query.where(
            or_(
                AuditEntry.who.icontains(text, autoescape=True),
                AuditEntry.subject.icontains(text, autoescape=True),
                AuditEntry.address.icontains(text, autoescape=True),
            )
        )
    if since is not None:
        query = query.where(AuditEntry.at >= since)
    if until is not None:
        query = query.where(AuditEntry.at < until)
    if before_id is not None:
        query = query.where(AuditEntry.id < before_id)
    return list(db.session.scalars(query.limit(limit)))
