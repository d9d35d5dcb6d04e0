"""Cells: the columns of the table that a chunk is loaded into, and the SQL of each field's value.

In the expressions `r` is a row of that table, `t` the record it changes, `:owner` the user who
owns new records that name no owner.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.dialects import postgresql

from massadmin.imports.copying import NULL, texts
from massadmin.records.as_json import json_value, object_of
from massadmin.records.fields import TEXTUAL, Field
from massadmin.records.modules import Module

OWNER = "CAST(:owner AS integer)"


@dataclass(frozen=True, slots=True)
class Cell:
    """One field and its column, `c0`, `c1` …; `index` is its place in a reading's values."""

    field: Field
    index: int
    type: str

    @property
    def name(self) -> str:
        """The column in the chunk's table."""
        return f"c{self.index}"

    def copied(self, values: Sequence[Any]) -> list[str]:
        """Values as COPY takes them."""
        if self.type == "JSONB":
            known = {each: None if each is None else json.dumps(each) for each in set(values)}
            return texts([known[each] for each in values])
        if self.type == "BOOLEAN":
            return [NULL if each is None else "t" if each else "f" for each in values]
        if self.field.type in TEXTUAL or self.field.type == "datetime":
            return texts(values)
        return [NULL if each is None else str(each) for each in values]

    @property
    def made(self) -> str:
        """The value in a new record."""
        if self.field.key == "owner_id":
            return f"coalesce(r.{self.name}, {OWNER})"
        if self.type == "BOOLEAN":
            return f"coalesce(r.{self.name}, false)"
        return f"r.{self.name}"

    def changed(self, *, clear: bool) -> str:
        """The value in a record that exists: what the file says, if it says anything. With
        `clear`, an empty cell empties the field, but one whose value was left out does not."""
        now = f"t.{self.field.key}"
        if not clear or self.field.key == "owner_id":
            return f"coalesce(r.{self.name}, {now})"
        return f"CASE WHEN {self.index} = ANY(r.left_out) THEN {now} ELSE {self.made} END"


def cells_of(module: Module, fields: Sequence[Field]) -> list[Cell]:
    """A cell per field, in their order."""
    found = []
    for index, field in enumerate(fields):
        if field.custom:
            found.append(Cell(field, index, "JSONB"))
            continue
        kind = module.table.c[field.key].type.compile(
            dialect=postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own
        )
        found.append(Cell(field, index, kind))
    return found


def insert_columns(cells: Sequence[Cell], *, owned: bool) -> dict[str, str]:
    """What a new record gets: SQL by column; `owned` gives an owner to those that name none."""
    columns = {cell.field.key: cell.made for cell in cells if not cell.field.custom}
    if owned:
        columns.setdefault("owner_id", OWNER)
    custom = _custom_object([cell for cell in cells if cell.field.custom])
    if custom:
        columns["custom"] = custom
    return columns


def made_json(cells: Sequence[Cell], *, owned: bool) -> str:
    """A jsonb object of what a new record holds; what is empty, or off, is left out."""
    values = {
        cell.field.key: f"nullif({cell.made}, false)" if cell.type == "BOOLEAN" else cell.made
        for cell in cells
    }
    if owned:
        values.setdefault("owner_id", OWNER)
    return f"jsonb_strip_nulls({object_of(list(values.items()))})"


def update_columns(cells: Sequence[Cell], *, clear: bool) -> dict[str, str]:
    """What a record that exists gets: SQL by column."""
    columns = {cell.field.key: cell.changed(clear=clear) for cell in cells if not cell.field.custom}
    custom = [cell for cell in cells if cell.field.custom]
    if custom:
        kept = "t.custom"
        if clear:
            for cell in custom:
                kept += (
                    f" - CASE WHEN r.{cell.name} IS NULL AND {cell.index} <> ALL(r.left_out)"
                    f" THEN '{cell.field.custom_key}' ELSE '' END"
                )
        columns["custom"] = f"({kept}) || {_custom_object(custom)}"
    return columns


def changed_json(cells: Sequence[Cell], alias: str) -> str:
    """A jsonb object of the fields that an UPDATE changed, as they are in `old` or `new`."""
    parts = [
        f"CASE WHEN {_differs(cell.field)}"
        f" THEN jsonb_build_object('{cell.field.key}', {json_value(cell.field, alias)})"
        " ELSE '{}' END"
        for cell in cells
    ]
    return " || ".join(parts)


def _differs(field: Field) -> str:
    """SQL: an UPDATE changed this field. Columns are compared as they are, which costs nothing."""
    if field.custom:
        return f"{json_value(field, 'old')} <> {json_value(field, 'new')}"
    return f"old.{field.key} IS DISTINCT FROM new.{field.key}"


def _custom_object(cells: Sequence[Cell]) -> str:
    pairs = [(cell.field.custom_key, f"r.{cell.name}") for cell in cells]
    return f"jsonb_strip_nulls({object_of(pairs)})" if pairs else ""
