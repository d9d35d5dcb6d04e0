"""Custom fields: what an administrator adds to a module, and takes away again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sqlalchemy import Text, cast, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from massadmin.auth import audit
from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.fields import CUSTOM_PREFIX, CUSTOM_TYPES
from massadmin.records.modules import CustomField, Module
from massadmin.records.smart_lists import SmartList

MAX_FIELDS = 200
MAX_LABEL_CHARS = 60
MAX_CHOICES = 200
MAX_CHOICE_CHARS = 80
# So many values are taken away in one transaction, so that bulk actions are not held up for long.
STRIPPED_AT_ONCE = 5_000

TYPE_LABELS = {
    "text": "Text",
    "number": "Number",
    "date": "Date",
    "boolean": "Yes or no",
    "choice": "Choice",
}

audit.name_events(
    {
        "field_added": "Added a field",
        "field_changed": "Changed a field",
        "field_deleted": "Deleted a field",
    }
)


class BadField(ValueError):
    """A field that cannot be saved; `about` names the input that is wrong."""

    def __init__(self, message: str, about: str = "label") -> None:
        super().__init__(message)
        self.about = about


def custom_fields(module: Module) -> list[CustomField]:
    """The module's custom fields in their order."""
    return list(
        db.session.scalars(
            select(CustomField)
            .where(CustomField.module == module.key)
            .order_by(CustomField.position, CustomField.id)
        )
    )


def find_field(module: Module, field_id: int) -> CustomField | None:
    """The custom field of that id, or None."""
    return db.session.scalar(
        select(CustomField).where(CustomField.module == module.key, CustomField.id == field_id)
    )


def add_field(
    module: Module,
    label: str,
    kind: str,
    choices: Iterable[str],
    user: User,
    *,
    address: str = "",
) -> CustomField:
    """Add a field at the end; the caller commits.

    Raises:
        BadField: the label is empty, too long or taken, the type unknown, or choices are missing.
    """
    known = custom_fields(module)
    if len(known) >= MAX_FIELDS:
        raise BadField(f"A module has at most {MAX_FIELDS} custom fields.")
    label = _label(module, label)
    if kind not in CUSTOM_TYPES:
        raise BadField(f"{kind[:40]!r} is no type of field.", "type")
    offered = _choices(kind, choices)
    position = max((each.position for each in known), default=0) + 1
    taken = {each.key for each in known}
    plain = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")[:40] or "field"
    for number in range(1, 1_000):
        key = plain if number == 1 else f"{plain}_{number}"
        if key in taken or _held(module, key):
            continue  # values that a deleted field left behind must not come back under this one
        found = db.session.scalar(
            insert(CustomField)
            .values(
                module=module.key,
                key=key,
                label=label,
                type=kind,
                choices=offered,
                position=position,
            )
            .on_conflict_do_nothing(index_elements=["module", "key"])
            .returning(CustomField)
        )
        if found is not None:
            _log("field_added", module, label, user, address, {"key": key, "type": kind})
            return found
    raise BadField(f"The field {label!r} was added too often.")


def change_field(
    module: Module,
    field: CustomField,
    label: str,
    choices: Iterable[str],
    user: User,
    *,
    address: str = "",
) -> None:
    """Rename a field and set what it offers; records keep their values. The caller commits.

    Raises:
        BadField: as `add_field`.
    """
    before = {"label": field.label, "choices": field.choices}
    field.label = _label(module, label, besides=field)
    field.choices = _choices(field.type, choices)
    after = {"label": field.label, "choices": field.choices}
    if after != before:
        details = {"before": before, "after": after}
        _log("field_changed", module, field.label, user, address, details)
    db.session.flush()


def move_field(module: Module, field: CustomField, step: int) -> None:
    """Move a field one place up (`step` -1) or down (+1); the caller commits."""
    order = custom_fields(module)
    here = next(place for place, each in enumerate(order) if each.id == field.id)
    there = here + (1 if step > 0 else -1)
    if not 0 <= there < len(order):
        return
    order[here], order[there] = order[there], order[here]
    for place, each in enumerate(order, start=1):
        each.position = place
    db.session.flush()


def count_values(module: Module, field: CustomField) -> int:
    """How many records, live or deleted, hold a value in the field."""
    held = module.table.c.custom.has_key(field.key)
    return db.session.scalar(select(func.count()).select_from(module.table).where(held)) or 0


def lists_with(module: Module, field: CustomField) -> list[str]:
    """Names of the smart lists that filter or sort by the field."""
    key = CUSTOM_PREFIX + field.key
    condition = SmartList.query["conditions"].op("@>")(
        func.jsonb_build_array(func.jsonb_build_array(key))
    )
    return list(
        db.session.scalars(
            select(SmartList.name)
            .where(
                SmartList.module == module.key,
                or_(condition, SmartList.sort.in_([key, f"-{key}"])),
            )
            .order_by(func.lower(SmartList.name))
        )
    )


def delete_field(module: Module, field: CustomField, user: User, *, address: str = "") -> int:
    """Delete a field, then take its values off every record; how many held one.

    Commits as it goes. Should it be cut short, the values left behind are shown nowhere, and a
    new field does not take their key.
    """
    key, label, kind = field.key, field.label, field.type
    details = {"key": key, "type": kind, "values": count_values(module, field)}
    _log("field_deleted", module, label, user, address, details)
    db.session.delete(field)
    db.session.commit()
    table, stripped, last = module.table, 0, 0
    while True:
        some = (
            select(table.c.id)
            .where(table.c.custom.has_key(key), table.c.id > last)
            .order_by(table.c.id)
            .limit(STRIPPED_AT_ONCE)
            .with_for_update()
            .cte("some")
        )
        ids = db.session.scalars(
            update(table)
            .where(table.c.id == some.c.id)
            .values(custom=table.c.custom.op("-")(cast(literal(key), Text)))
            .returning(table.c.id)
        ).all()
        db.session.commit()
        stripped += len(ids)
        if len(ids) < STRIPPED_AT_ONCE:
            return stripped
        last = max(ids)


def _held(module: Module, key: str) -> bool:
    held = select(module.table.c.id).where(module.table.c.custom.has_key(key)).limit(1)
    return db.session.scalar(held) is not None


def _label(module: Module, label: str, besides: CustomField | None = None) -> str:
    label = " ".join(label.split())
    if not label:
        raise BadField("Give the field a name.")
    if len(label) > MAX_LABEL_CHARS or "\x00" in label:
        raise BadField(f"A field's name has at most {MAX_LABEL_CHARS} characters.")
    own = CUSTOM_PREFIX + besides.key if besides else ""
    for each in module.fields:
        if each.label.lower() == label.lower() and each.key != own:
            raise BadField(f"There is already a field called “{each.label}”.")
    return label


def _choices(kind: str, choices: Iterable[str]) -> list[str]:
    """Choices in their spelling, each once; none for other types."""
    if kind != "choice":
        return []
    found: dict[str, str] = {}
    for each in choices:
        word = " ".join(each.split())
        if not word:
            continue
        if len(word) > MAX_CHOICE_CHARS or "|" in word or "\x00" in word:
            raise BadField(
                f"The choice {word[:30]!r} is longer than {MAX_CHOICE_CHARS} characters "
                "or holds a “|”.",
                "choices",
            )
        found.setdefault(word.lower(), word)
    if not found:
        raise BadField("Name at least one choice, one on each line.", "choices")
    if len(found) > MAX_CHOICES:
        raise BadField(f"A field offers at most {MAX_CHOICES} choices.", "choices")
    return list(found.values())


def _log(
    event: str, module: Module, label: str, user: User, address: str, details: Mapping[str, object]
) -> None:
    audit.record(
        event, user=user, subject=f"{module.key}: {label}", details=details, address=address
    )
