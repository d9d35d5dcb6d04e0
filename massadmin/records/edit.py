"""Editing: one record changed by a person, some fields at a time.

A form carries, beside each value, the mark of the value it was opened with. A field whose mark no
longer fits was changed by somebody else meanwhile; it is refused rather than overwritten unseen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Text, cast, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from massadmin.auth import audit
from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.countries import country_code
from massadmin.records.fields import Field
from massadmin.records.filter_sql import visible
from massadmin.records.listing import record_columns
from massadmin.records.modules import Module
from massadmin.records.tags import BadTag, Tag, ensure_tags, tag_names
from massadmin.records.timeline import note
from massadmin.records.values import BadValue, parse, to_json

audit.name_events({"record_edited": "Edited a record"})


class UnknownRecord(LookupError):
    """No live record of that id that the user may see."""


class NotAllowed(PermissionError):
    """The user may not change the field; the message says so."""


class Rejected(ValueError):
    """Values that cannot be saved: `errors` maps field keys to messages."""

    def __init__(self, errors: dict[str, str]) -> None:
        self.errors = errors
        super().__init__(" ".join(errors.values()))


class Stale(Exception):
    """Somebody changed these fields meanwhile: `current` maps field keys to their values now."""

    def __init__(self, current: dict[str, Any]) -> None:
        self.current = current
        super().__init__(f"Changed by somebody else meanwhile: {', '.join(current)}.")


@dataclass(frozen=True)
class Typed:
    """What a person typed into one field. `seen` is the mark of the text the form was opened
    with; None takes the value whatever the record holds by now."""

    key: str
    text: str
    seen: str | None = None


@dataclass(frozen=True)
class Edit:
    """What a save changed: fields by key as JSON, tags as `tags_added` and `tags_removed`."""

    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether anything did."""
        return bool(self.after)


def permission_for(module: Module, field: Field) -> str:
    """The permission it takes to change `field`."""
    verb = {"tags": "tag", "user": "assign"}.get(field.type, "edit")
    return f"{module.key}.{verb}"


def may_edit(module: Module, field: Field, user: User) -> bool:
    """Whether `user` may change `field` of the records they see."""
    return field.editable and user.can(permission_for(module, field))


def form_text(field: Field, value: Any, zone: str) -> str:
    """A value as a form shows it, so that `parse` reads it back; times are in `zone`."""
    match value:
        case None:
            # Whoever set no do-not-disturb flag has none.
            return "no" if field.type == "boolean" and not field.custom else ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            local = value.astimezone(ZoneInfo(zone))
            return local.strftime("%Y-%m-%dT%H:%M")
        case date():
            return value.isoformat()
        case Decimal():
            return format(value.normalize(), "f")
        case list():
            return ", ".join(value)
    return _unix(str(value))


def mark(text: str) -> str:
    """A short mark of a form's text, to tell later whether it is still the same."""
    return hashlib.sha256(_unix(text).encode()).hexdigest()[:16]


def save(
    module: Module, record_id: int, typed: Iterable[Typed], user: User, *, address: str = ""
) -> Edit:
    """Change the fields whose text differs from what the form was opened with; all or none.

    Writes to the audit log; the caller commits.

    Raises:
        UnknownRecord: there is no such live record, or it is not one of the user's.
        NotAllowed: the user may not change one of the fields.
        Rejected: a value does not fit its field.
        Stale: a field was changed by somebody else since the form was opened.
    """
    current = _locked(module, record_id, user)
    parsed: dict[str, Any] = {}
    errors: dict[str, str] = {}
    stale: dict[str, Any] = {}
    texts = {each.key: each.text for each in typed}
    for each in typed:
        declared = module.field(each.key)
        value = current[each.key]
        here = form_text(declared, value, user.zone)
        if mark(each.text) in (each.seen, mark(here)):
            continue
        if not may_edit(module, declared, user):
            raise NotAllowed(f"Your role may not change {declared.label}.")
        if each.seen is not None and each.seen != mark(here):
            stale[each.key] = value
            continue
        try:
            country = texts.get("country") or current.get("country")
            parsed[each.key] = read(declared, each.text, user, country=country)
        except BadValue as error:
            errors[each.key] = str(error)
    if errors:
        raise Rejected(errors)
    if stale:
        raise Stale(stale)
    edit = _write(module, current, parsed)
    if edit.changed:
        note("record_edited", module, record_id, user, edit.before, edit.after, address=address)
    return edit


def read(field: Field, text: str, user: User, *, country: str | None = None) -> Any:
    """What a person typed, as the field stores it; tags as a list of names.

    Raises:
        BadValue: the field cannot hold it.
    """
    if field.type == "tags":
        try:
            return tag_names(text)
        except BadTag as error:
            raise BadValue(str(error)) from error
    region = country_code(country or "")
    value = parse(field, _unix(text), country=region, zone=user.zone)
    if value is None and field.type == "boolean" and not field.custom:
        return False
    if field.type == "user" and value is not None:
        active = db.session.scalar(select(User.active).where(User.id == value))
        if not active:
            raise BadValue(f"{field.label}: there is no active user {value}.")
    return value


def _locked(module: Module, record_id: int, user: User) -> dict[str, Any]:
    """The record as a list shows it, locked until the transaction ends."""
    row = db.session.execute(
        select(*record_columns(module))
        .where(visible(module, user), module.table.c.id == record_id)
        .with_for_update(of=module.table)
    ).first()
    if row is None:
        raise UnknownRecord(f"There is no such {module.singular}, or it is not yours to see.")
    return dict(row._mapping)


def _write(module: Module, current: Mapping[str, Any], parsed: Mapping[str, Any]) -> Edit:
    edit = Edit()
    custom = module.table.c.custom
    custom_now: Any = custom
    columns: dict[str, Any] = {}
    touched = False
    for key, value in parsed.items():
        declared = module.field(key)
        if declared.type == "tags":
            touched |= _write_tags(module, current, value, edit)
            continue
        if value == current[key]:
            continue
        edit.before[key], edit.after[key] = to_json(current[key]), to_json(value)
        if not declared.custom:
            columns[key] = value
        elif value is None:
            custom_now = custom_now.op("-")(cast(literal(declared.custom_key), Text))
        else:
            custom_now = custom_now.op("||")(literal({declared.custom_key: to_json(value)}, JSONB))
    if custom_now is not custom:
        columns["custom"] = custom_now
    if columns or touched:
        db.session.execute(
            update(module.table)
            .where(module.table.c.id == current["id"])
            .values(**columns, updated_at=func.now())
        )
    return edit


def _write_tags(module: Module, current: Mapping[str, Any], names: list[str], edit: Edit) -> bool:
    """Make the record's tags `names`; whether that changed any."""
    has = {name.lower(): name for name in current["tags"]}
    wanted = {name.lower(): name for name in names}
    added = [name for low, name in wanted.items() if low not in has]
    removed = [name for low, name in has.items() if low not in wanted]
    tags, record = module.tags, module.tags.c[module.tags_record]
    if added:
        put_tags(module, current["id"], added)
        edit.after["tags_added"] = added
    if removed:
        gone = select(Tag.id).where(func.lower(Tag.name).in_([name.lower() for name in removed]))
        db.session.execute(delete(tags).where(record == current["id"], tags.c.tag_id.in_(gone)))
        edit.after["tags_removed"] = removed
    return bool(added or removed)


def put_tags(module: Module, record_id: int, names: list[str]) -> None:
    """Put tags on one record, making those that are new."""
    ids = ensure_tags(names)
    if ids:
        db.session.execute(
            insert(module.tags)
            .values([{module.tags_record: record_id, "tag_id": each} for each in ids.values()])
            .on_conflict_do_nothing()
        )


def _unix(text: str) -> str:
    """Browsers send every line break of a form as CR LF; stored text keeps the plain one."""
    return text.replace("\r\n", "\n")
