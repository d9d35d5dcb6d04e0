"""Timeline: what happened to one record, newest first.

People's edits have a table of their own, because what they say of a person goes with the record;
the audit log, which keeps everything, only names the fields. Floors above add events of their own
kind (see `massadmin.runs.timeline`); `newest` merges them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    String,
    delete,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from massadmin.auth import audit
from massadmin.auth.models import User
from massadmin.extensions import Base, db
from massadmin.records.modules import Module, UnknownField

# What people do to one record, under the names of the audit log: what a page calls it, and an icon.
RECORD_EVENTS = {
    "record_created": ("Created", "user-round-plus"),
    "record_edited": ("Edited", "pencil"),
}

TAG_CHANGES = ("tags_added", "tags_removed")


class RecordEdit(Base):
    """One thing that a person did to a record: fields by key as JSON, as results hold them."""

    __tablename__ = "record_edits"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    module: Mapped[str] = mapped_column(String)
    record_id: Mapped[int] = mapped_column(BigInteger)
    event: Mapped[str] = mapped_column(String)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    before: Mapped[dict[str, Any]] = mapped_column(JSONB)
    after: Mapped[dict[str, Any]] = mapped_column(JSONB)

    __table_args__ = (Index("ix_record_edits_record", "module", "record_id", "id"),)


@dataclass(frozen=True)
class Event:
    """One thing that happened. `before` and `after` hold changed fields by key, as JSON.

    `outcome` and `reason` say how a bulk action (`run_id`) went for this record; both are empty
    for what a person did by hand.
    """

    at: datetime
    who: str
    title: str
    icon: str
    outcome: str = ""
    reason: str = ""
    run_id: int | None = None
    run_user_id: int | None = None
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """One field of an event in words; a side is None when the field was empty.

    Tags come as those added, with an empty `before`, and those removed, with an empty `after`.
    """

    label: str
    before: str | None
    after: str | None


def edits(module: Module, record_id: int, limit: int) -> list[Event]:
    """The newest `limit` things that people did to the record by hand."""
    rows = db.session.execute(
        select(RecordEdit, User.name)
        .join(User, User.id == RecordEdit.user_id)
        .where(RecordEdit.module == module.key, RecordEdit.record_id == record_id)
        .order_by(RecordEdit.id.desc())
        .limit(limit)
    )
    return [
        Event(
            at=edit.at,
            who=name,
            title=RECORD_EVENTS[edit.event][0],
            icon=RECORD_EVENTS[edit.event][1],
            before=edit.before,
            after=edit.after,
        )
        for edit, name in rows
    ]


def note(
    event: str,
    module: Module,
    record_id: int,
    user: User,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    address: str = "",
) -> None:
    """Keep what `user` did to a record by hand, and log that they did; the caller commits."""
    values = {"module": module.key, "record_id": record_id, "event": event, "user_id": user.id}
    db.session.execute(insert(RecordEdit).values(**values, before=before, after=after))
    fields = {"tags" if key in TAG_CHANGES else key for key in after}
    audit.record(
        event,
        user=user,
        subject=f"{module.key}:{record_id}",
        details={"fields": sorted(fields)},
        address=address,
    )


def forget(module: Module, record_ids: Sequence[int]) -> None:
    """Drop what was done by hand to records that are gone for good; the caller commits."""
    gone = RecordEdit.record_id == func.any(literal(list(record_ids), ARRAY(BigInteger)))
    db.session.execute(
        delete(RecordEdit)
        .where(RecordEdit.module == module.key, gone)
        .execution_options(synchronize_session=False)
    )


def newest(limit: int, *sources: Iterable[Event]) -> list[Event]:
    """The newest `limit` events of several sources, each given newest first."""
    events = [event for source in sources for event in source]
    return sorted(events, key=lambda event: event.at, reverse=True)[:limit]


def changes(
    module: Module,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    users: Mapping[int, str] | None = None,
    zone: str = "UTC",
) -> list[Change]:
    """Changed fields in words, in the module's order, then tags, then what has no field now.

    `users` are names by id; times are shown in `zone`.
    """
    order = {each.key: place for place, each in enumerate(module.fields)}
    keys = sorted(
        {*before, *after} - {*TAG_CHANGES}, key=lambda key: (order.get(key, len(order)), key)
    )
    found = [
        Change(
            _label(module, key),
            *(in_words(module, key, side.get(key), users, zone) for side in (before, after)),
        )
        for key in keys
        if before.get(key) != after.get(key)
    ]
    if after.get("tags_added"):
        found.append(Change("Tags added", "", ", ".join(after["tags_added"])))
    if after.get("tags_removed"):
        found.append(Change("Tags removed", ", ".join(after["tags_removed"]), ""))
    return found


def in_words(
    module: Module,
    key: str,
    value: Any,
    users: Mapping[int, str] | None = None,
    zone: str = "UTC",
) -> str | None:
    """One JSON value of a field as a page reads it."""
    if value is None or value == [] or value == "":
        return None
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    kind = _type(module, key)
    if kind == "user" and isinstance(value, int):
        return (users or {}).get(value, f"user {value}")
    if kind == "datetime" and isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value).astimezone(ZoneInfo(zone))
            return f"{moment.day} {moment:%b %Y, %H:%M}"
        except ValueError:
            return value
    if kind == "date" and isinstance(value, str):
        try:
            day = date.fromisoformat(value)
            return f"{day.day} {day:%b %Y}"
        except ValueError:
            return value
    return str(value)


def _type(module: Module, key: str) -> str:
    try:
        return module.field(key).type
    except UnknownField:
        return ""


def _label(module: Module, key: str) -> str:
    try:
        return module.field(key).label
    except UnknownField:
        return key.removeprefix("custom.").replace("_", " ").capitalize()
