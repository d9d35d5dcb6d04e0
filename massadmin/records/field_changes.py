"""The SQL of field changes: one expression per column, one check per kind of field.

Columns and custom keys come from the module's declarations; every value is bound.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.dialects import postgresql

from massadmin.records.as_json import object_of
from massadmin.records.countries import countries
from massadmin.records.fields import TEXTUAL, Field
from massadmin.records.modules import Module
from massadmin.records.values import time_zones

# What a computed value must look like to be stored; set values were parsed before.
_SHAPES = {
    "email": (r"^(?=.{3,254}$)[^@\s]+@[^@\s]+\.[^@\s.]+$", "would not be an e-mail address"),
    "phone": (r"^\+[1-9][0-9]{6,14}$", "would not be a phone number"),
}
_LISTS: dict[str, tuple[Callable[[], Iterable[str]], str]] = {
    "country": (countries, "would not be the code of a country"),
    "time_zone": (time_zones, "would not be a time zone"),
}
_MAX_CHARS = 32_768


@dataclass(frozen=True)
class Change:
    """One change to one field. `value` is JSON, `find` text, `source` the field copied from."""

    field: Field
    op: str
    value: Any = None
    find: str | None = None
    source: Field | None = None


class Expressions:
    """The SQL of several changes to the table aliased `t`; `binds` are their values."""

    def __init__(self, module: Module, changes: list[Change]) -> None:
        self.binds: dict[str, Any] = {}
        self._module, self._changes = module, changes
        self._columns: dict[str, str] = {}
        self._refusals: list[tuple[str, str]] = []
        custom = "t.custom"
        for number, change in enumerate(changes):
            text = self._new_text(change, number)
            if change.field.custom:
                custom = self._into_custom(custom, change, text)
            else:
                self._columns[change.field.key] = f"CAST({text} AS {self._type(change.field)})"
            if change.op in ("copy", "replace"):
                self._check(change.field, text)
        if custom != "t.custom":
            self._columns["custom"] = custom

    def assignments(self) -> str:
        """`column = expression, …`"""
        return ", ".join(f"{column} = {sql}" for column, sql in self._columns.items())

    def written(self) -> str | None:
        """A jsonb object of what every record is given, by field key, as results hold it; None
        where that depends on the record."""
        pairs = []
        for number, change in enumerate(self._changes):
            if change.op not in ("set", "clear"):
                return None
            text = self._new_text(change, number)
            value = (
                self._custom_value(change.field, text)
                if change.field.custom
                else f"to_jsonb(CAST({text} AS {self._type(change.field)}))"
            )
            pairs.append((change.field.key, f"coalesce({value}, 'null')"))
        return object_of(pairs)

    def differs(self) -> str:
        """True where some column would change."""
        return " OR ".join(
            f"t.{column} IS DISTINCT FROM {sql}" for column, sql in self._columns.items()
        )

    def refusals(self) -> Iterator[tuple[str, str]]:
        """(condition, reason) of records whose new value could not be stored."""
        yield from self._refusals

    def refused(self) -> str:
        """True where any refusal holds."""
        return " OR ".join(f"({bad})" for bad, _ in self._refusals) or "false"

    def _new_text(self, change: Change, number: int) -> str:
        """The new value as text, NULL when it is to be empty."""
        value, find = f"value_{number}", f"find_{number}"
        match change.op:
            case "clear":
                return "NULL"
            case "copy":
                assert change.source is not None
                return self._text(change.source)
            case "replace":
                self.binds |= {value: change.value, find: change.find}
                now = self._text(change.field)
                return f"nullif(replace({now}, CAST(:{find} AS text), CAST(:{value} AS text)), '')"
            case "add":
                self.binds[value] = str(change.value)
                now = f"coalesce(CAST({self._text(change.field)} AS numeric), 0)"
                return f"CAST({now} + CAST(:{value} AS numeric) AS text)"
        text = change.value if isinstance(change.value, str) else json.dumps(change.value)
        self.binds[value] = text
        return f"CAST(:{value} AS text)"

    def _text(self, field: Field) -> str:
        """A field's present value as text."""
        if field.custom:
            return f"(t.custom ->> '{field.custom_key}')"
        return f"CAST(t.{field.key} AS text)"

    def _type(self, field: Field) -> str:
        column = self._module.table.c[field.key]
        return str(
            column.type.compile(
                dialect=postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own
            )
        )

    def _into_custom(self, custom: str, change: Change, text: str) -> str:
        key = change.field.custom_key
        value = self._custom_value(change.field, text)
        # `custom` stands here once: fields are changed one around the other, and the SQL of many
        # must not double with each.
        return (
            f"(({custom}) - '{key}') || CASE WHEN {text} IS NULL THEN '{{}}' "
            f"ELSE jsonb_build_object('{key}', {value}) END"
        )

    def _custom_value(self, field: Field, text: str) -> str:
        if field.type in TEXTUAL or field.type == "date":
            return f"to_jsonb(CAST({text} AS text))"
        return f"CAST({text} AS jsonb)"

    def _check(self, field: Field, text: str) -> None:
        # Every condition is true or false, never NULL: `refused` stands behind a NOT.
        if field.type in _SHAPES:
            pattern, reason = _SHAPES[field.type]
            bind = f"shape_{field.type}"
            self.binds[bind] = pattern
            self._refusals.append(
                (
                    f"{text} IS NOT NULL AND {text} !~ CAST(:{bind} AS text)",
                    f"{field.label} {reason}",
                )
            )
        elif field.type in _LISTS:
            known, reason = _LISTS[field.type]
            bind = f"known_{field.type}"
            self.binds[bind] = list(known())
            # What an import brought along may stay; only what this change would write is judged.
            self._refusals.append(
                (
                    f"{text} IS DISTINCT FROM {self._text(field)} AND {text} IS NOT NULL"
                    f" AND {text} <> ALL(CAST(:{bind} AS text[]))",
                    f"{field.label} {reason}",
                )
            )
        elif field.type in TEXTUAL:
            self._refusals.append(
                (f"coalesce(length({text}), 0) > {_MAX_CHARS}", f"{field.label} would be too long")
            )
        elif field.type == "boolean" and not field.custom:
            self._refusals.append((f"{text} IS NULL", f"{field.label} is either yes or no"))
