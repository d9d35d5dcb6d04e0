"""The rows of the update-fields form: what each asks, once its field and change are chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from massadmin.actions.update_fields import OPERATIONS, operations_of, updatable
from massadmin.records.fields import Field
from massadmin.records.modules import Module
from massadmin.runs.action import ActionForm
from massadmin.web.suggestions import suggestions

# How values of a type are typed; what is not here is plain text.
INPUTS = {
    "email": "email",
    "phone": "tel",
    "number": "text",
    "date": "date",
    "datetime": "datetime-local",
}


@dataclass(frozen=True)
class ChangeRow:
    """One row. `editor` is how its value is given: nothing, input, select or replace; `options`
    are what a select offers, `hints` (value, label) what a text line suggests."""

    place: int
    name: str
    form: Any
    ops: list[tuple[str, str]]
    op: str
    editor: str
    input: str = "text"
    options: tuple[tuple[str, str], ...] = ()
    hints: tuple[tuple[str, str], ...] = ()
    label: str = "Value"


def change_rows(form: ActionForm, module: Module) -> list[ChangeRow]:
    """The rows of the form, each as far as it has been filled in."""
    known = {field.key: field for field in updatable(module)}
    rows: Any = form["change"]
    return [
        _row(place, entry, known.get(str(entry.form["field"].data)), module)
        for place, entry in enumerate(rows)
    ]


def _row(place: int, entry: Any, field: Field | None, module: Module) -> ChangeRow:
    allowed = operations_of(field) if field else tuple(OPERATIONS)
    chosen = str(entry.form["op"].data or "set")
    op = chosen if chosen in allowed else allowed[0]
    base = {
        "place": place,
        "name": entry.name,
        "form": entry.form,
        "ops": [(key, OPERATIONS[key]) for key in allowed],
        "op": op,
    }
    match op:
        case "clear":
            return ChangeRow(**base, editor="nothing")
        case "replace":
            return ChangeRow(**base, editor="replace", label="Replace with")
        case "copy":
            return ChangeRow(
                **base, editor="select", options=_sources(field, module), label="Copy from"
            )
        case "add":
            return ChangeRow(**base, editor="input", label="Number to add")
    if field is None:
        return ChangeRow(**base, editor="input")
    if field.type == "boolean":
        return ChangeRow(**base, editor="select", options=(("yes", "Yes"), ("no", "No")))
    if field.type == "choice" and not field.open_choices:
        return ChangeRow(**base, editor="select", options=tuple((c, c) for c in field.choices))
    return ChangeRow(
        **base, editor="input", input=INPUTS.get(field.type, "text"), hints=suggestions(field)
    )


def _sources(field: Field | None, module: Module) -> tuple[tuple[str, str], ...]:
    """Fields that can be copied to this one: any to text, else those of the same type."""
    return tuple(
        (each.key, each.label)
        for each in module.fields
        if each.type != "tags"
        and (field is None or (each.key != field.key and field.type in ("text", each.type)))
    )
