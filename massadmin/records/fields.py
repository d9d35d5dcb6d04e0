"""Fields: what a module knows about each of its records, declared once.

Filters, columns, forms, import mapping and export are derived from these declarations. A field
names its column; a custom field lives under its key in the record's `custom` jsonb. Either way
`Field.sql` is the typed SQL expression of its value, NULL when the record has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Boolean, Date, Numeric, Text, case, cast, func, literal
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.selectable import FromClause

FieldType = Literal[
    "id",
    "text",
    "email",
    "phone",
    "number",
    "date",
    "datetime",
    "boolean",
    "choice",
    "country",
    "time_zone",
    "user",
    "tags",
]

CUSTOM_TYPES: tuple[FieldType, ...] = ("text", "number", "date", "boolean", "choice")
CUSTOM_PREFIX = "custom."
TEXTUAL: frozenset[FieldType] = frozenset(
    {"text", "email", "phone", "choice", "country", "time_zone"}
)

# A btree entry holds at most about 2,700 bytes, so long text is ordered by its beginning.
SORTED_CHARS = 64


@dataclass(frozen=True)
class Field:
    """One field of a module.

    `choices` of a `choice` field are what forms offer; a field with `open_choices` also takes
    other values, because imported files bring their own. `names` are headers, lower case, under
    which other programs export the field. One that is `never_empty` is sorted by as it is. Records
    that are `in_order` of the field are so by an index of its `sort_key` and their id.
    """

    key: str
    label: str
    type: FieldType
    choices: tuple[str, ...] = ()
    open_choices: bool = False
    editable: bool = True
    importable: bool = True
    sortable: bool = True
    default_column: bool = False
    never_empty: bool = False
    in_order: bool = False
    names: tuple[str, ...] = ()

    @property
    def custom(self) -> bool:
        """Whether the value lives in the record's `custom` jsonb."""
        return self.key.startswith(CUSTOM_PREFIX)

    @property
    def custom_key(self) -> str:
        """The key within `custom`."""
        return self.key.removeprefix(CUSTOM_PREFIX)

    @property
    def column(self) -> str:
        """The column that holds the value."""
        return "custom" if self.custom else self.key

    def sql(self, table: FromClause) -> ColumnElement[Any]:
        """The typed value in `table`; not defined for tags, which are rows of their own."""
        if not self.custom:
            return table.c[self.key]
        value = table.c.custom[self.custom_key]
        text = value.astext
        if self.type == "number":
            return case((func.jsonb_typeof(value) == "number", cast(text, Numeric)))
        if self.type == "boolean":
            return case((func.jsonb_typeof(value) == "boolean", cast(text, Boolean)))
        if self.type == "date":
            return cast(text, Date)
        return text

    def sort_key(self, table: FromClause) -> ColumnElement[Any]:
        """An expression that is never NULL and orders records by this field, empty first."""
        value = self.sql(table)
        if self.never_empty:
            return value
        if self.type in TEXTUAL:
            return func.left(func.lower(func.coalesce(value, "")), SORTED_CHARS, type_=Text)
        if self.type in ("date", "datetime"):
            return func.coalesce(value, cast(literal("-infinity"), value.type))
        if self.type in ("number", "user"):
            return func.coalesce(cast(value, Numeric), cast(literal("-Infinity"), Numeric))
        if self.type == "boolean":
            return func.coalesce(value, literal(False))
        return value


def as_text(expression: ColumnElement[Any]) -> ColumnElement[str]:
    """The expression's text form, exact enough to be cast back."""
    return cast(expression, Text)
