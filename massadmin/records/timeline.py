"""Timeline: what happened to one record, newest first.

People's edits come from the audit log. Floors above add events of their own kind (see
`massadmin.runs.timeline`); `newest` merges them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from massadmin.auth.models import AuditEntry
from massadmin.extensions import db
from massadmin.records.modules import Module, UnknownField

# The events of the audit log that are about one record: what a page calls them, and their icon.
RECORD_EVENTS = {
    "record_created": ("Created", "user-round-plus"),
    "record_edited": ("Edited", "pencil"),
}

TAG_CHANGES = ("tags_added", "tags_removed")


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
    rows = db.session.scalars(
        select(AuditEntry)
        .where(
            AuditEntry.subject == f"{module.key}:{record_id}",
            AuditEntry.event.in_(list(RECORD_EVENTS)),
        )
        .order_by(AuditEntry.id.desc())
        .limit(limit)
    )
    return [
        Event(
            at=row.at,
            who=row.who.rpartition(" <")[0] or row.who,
            title=RECORD_EVENTS[row.event][0],
            icon=RECORD_EVENTS[row.event][1],
            before=row.details.get("before") or {},
            after=row.details.get("after") or {},
        )
        for row in rows
    ]


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
