"""Inputs: the form control that fits a field, filled in so that what it sends can be read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.edit import form_text, mark
from massadmin.records.fields import Field
from massadmin.records.modules import Module
from massadmin.records.tags import Tag
from massadmin.records.timeline import in_words
from massadmin.records.values import to_json
from massadmin.web.records.people import me, user_names
from massadmin.web.suggestions import suggestions

SUGGESTED = 300
# Not type=email: browsers rewrite names of domains that are not ASCII in it.
TYPES = {"phone": "tel", "date": "date", "datetime": "datetime-local"}
COMPLETE = {"number": "decimal", "email": "email", "phone": "tel"}


@dataclass(frozen=True)
class Input:
    """One control: `kind` is input, textarea, select or list (an input with suggestions).

    `seen` marks the value that it was opened with; `options` are (value, label).
    """

    field: Field
    kind: str
    text: str
    seen: str
    type: str = "text"
    inputmode: str = ""
    options: tuple[tuple[str, str], ...] = ()
    error: str = ""
    help: str = ""


def input_for(
    field: Field,
    value: Any,
    user: User,
    *,
    text: str | None = None,
    error: str = "",
    seen: str | None = None,
) -> Input:
    """The control for a field that holds `value`, showing `text` where something was typed.

    `seen` is the mark of an earlier value, where the form was opened with that.
    """
    held = form_text(field, value, user.zone)
    shown = held if text is None else text
    kind, options, help = "input", tuple[tuple[str, str], ...](), ""
    match field.type:
        case "boolean":
            empty = (("", "–"),) if field.custom else ()
            kind, options = "select", (*empty, ("yes", "Yes"), ("no", "No"))
        case "user":
            kind, options = "select", _people(value)
        case "choice":
            kind, options = _choices(field, shown)
        case "tags":
            kind, options = "list", _tags()
            help = "Separate tags with commas."
        case "country" | "time_zone":
            kind, options = "list", suggestions(field)
        case "text" if "\n" in held or "\n" in shown:
            kind = "textarea"
        case "datetime":
            help = f"In your time zone, {user.zone}."
        case "phone":
            help = "With its country code, as in +47 21 23 45 67."
    return Input(
        field=field,
        kind=kind,
        text=shown,
        seen=seen or mark(held),
        type=TYPES.get(field.type, "text"),
        inputmode=COMPLETE.get(field.type, ""),
        options=options,
        error=error,
        help=help,
    )


def inputs_for(
    fields: list[Field],
    record: Mapping[str, Any],
    user: User,
    typed: Mapping[str, str],
    errors: Mapping[str, str],
    seen: Mapping[str, str],
) -> list[Input]:
    """The controls of a whole form, by field key: what was typed, what was wrong with it, and
    the marks of the values that the form was first opened with."""
    return [
        input_for(
            field,
            record.get(field.key),
            user,
            text=typed.get(field.key),
            error=errors.get(field.key, ""),
            seen=seen.get(field.key),
        )
        for field in fields
    ]


def meanwhile(module: Module, key: str, value: Any) -> str:
    """What to tell somebody whose field was changed by somebody else while they typed."""
    now = in_words(module, key, to_json(value), user_names(), me().zone)
    became = "emptied this" if now is None else f"changed this to “{now}”"
    return f"Somebody {became} meanwhile. Save again to replace it with yours."


def _people(value: Any) -> tuple[tuple[str, str], ...]:
    """Nobody, whoever is active, and the present owner even if they are not."""
    people = user_names(active=True)
    if isinstance(value, int) and value not in people:
        people[value] = f"{user_names().get(value, f'User {value}')} (deactivated)"
    return (("", "Nobody"), *((str(key), name) for key, name in people.items()))


def _choices(field: Field, shown: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Choices to pick from; an open field suggests them, and a value of old stays on offer."""
    if field.open_choices:
        return "list", suggestions(field)
    odd = () if shown in ("", *field.choices) else ((shown, shown),)
    return "select", (("", "–"), *((each, each) for each in field.choices), *odd)


def _tags() -> tuple[tuple[str, str], ...]:
    names = select(Tag.name).order_by(func.lower(Tag.name)).limit(SUGGESTED)
    return tuple((name, "") for name in db.session.scalars(names))
