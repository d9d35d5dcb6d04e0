"""Cells: records as rows of text for a file, made by the database so that COPY can stream them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    case,
    collate,
    func,
    literal,
    not_,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from massadmin.auth.models import User
from massadmin.records.fields import TEXTUAL, Field, as_text
from massadmin.records.modules import Module
from massadmin.records.tags import Tag
from massadmin.tabular.formula import NUMBER, RISKY

# Instants are written in the zone of the database session, which the caller sets.
MOMENT = 'YYYY-MM-DD"T"HH24:MI:SSTZH:TZM'
_FREE_TEXT = TEXTUAL | {"user", "tags"}


def file_rows(
    module: Module, fields: Sequence[Field], ids: Select[int], *, harmless: bool
) -> Select[Any]:
    """The records whose ids are selected, one text column per field, in the order of their ids.

    Tags are joined by commas, users are named by their e-mail, flags are yes or no, dates are
    ISO 8601. An empty field is NULL. `harmless` defuses what a spreadsheet would run as a formula.
    """
    table = module.table
    source: FromClause = table
    cells: list[ColumnElement[Any]] = []
    for field in fields:
        if field.type == "tags":
            cell: ColumnElement[Any] = _tags(module)
        elif field.type == "user":
            people = User.__table__.alias()
            source = source.outerjoin(people, people.c.id == field.sql(table))
            cell = people.c.email
        else:
            cell = _text(module, field)
        if harmless and field.type in _FREE_TEXT:
            cell = defused(cell)
        cells.append(cell.label(None))
    # Gathered first: joined with results of which the statistics have not heard yet, all would be
    # compared with all.
    named = table.c.id == func.any(func.array(ids.scalar_subquery()))
    return select(*cells).select_from(source).where(named).order_by(table.c.id)


def over_long(module: Module, fields: Sequence[Field], most: int) -> str:
    """SQL of the labels, joined by commas, of those fields of record `t` whose cell would have more
    than `most` UTF-16 units; NULL when none has."""
    named = ", ".join(
        f"CASE WHEN {_is_over_long(_sql(module, field), most)} THEN {_quoted(field.label)} END"
        for field in fields
        if field.type in _FREE_TEXT and field.type != "user"
    )
    # As an array, because a function takes no more than 100 arguments.
    return f"nullif(array_to_string(ARRAY[{named}], ', '), '')" if named else "CAST(NULL AS text)"


def _is_over_long(value: str, most: int) -> str:
    # Bytes are known without reading the value, and never fewer than UTF-16 units.
    beyond = f"regexp_replace({value}, '[^\\U00010000-\\U0010FFFF]', '', 'g')"
    return (
        f"octet_length({value}) > {most} AND char_length({value}) + char_length({beyond}) > {most}"
    )


def _sql(module: Module, field: Field) -> str:
    if field.type == "tags":
        return (
            f"(SELECT string_agg(n.name, ',') FROM {module.tags.name} AS x"  # noqa: S608 - the module's own tables
            f" JOIN tags AS n ON n.id = x.tag_id WHERE x.{module.tags_record} = t.id)"
        )
    return f"t.custom ->> {_quoted(field.custom_key)}" if field.custom else f"t.{field.key}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''").replace(":", "\\:") + "'"


def _text(module: Module, field: Field) -> ColumnElement[Any]:
    # The text of a custom value is taken as it is stored: a cast could fail on a single record.
    if field.custom:
        value = module.table.c.custom[field.custom_key].astext
        if field.type == "boolean":
            return case((value == "true", "yes"), (value == "false", "no"), else_=value)
        return value
    value = field.sql(module.table)
    if field.type == "boolean":
        return case((value, "yes"), (not_(value), "no"))
    if field.type == "datetime":
        return func.to_char(value, MOMENT)
    return as_text(value)


def _tags(module: Module) -> ColumnElement[Any]:
    tags = module.tags
    names = func.string_agg(Tag.name, aggregate_order_by(literal(","), func.lower(Tag.name)))
    return (
        select(names)
        .join_from(tags, Tag, Tag.id == tags.c.tag_id)
        .where(tags.c[module.tags_record] == module.table.c.id)
        .scalar_subquery()
    )


def defused(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """SQL of `massadmin.tabular.formula.defuse`."""
    plain = collate(value, "C")
    # Nearly every cell begins with a letter or digit, and comparing is far cheaper than matching.
    # What is likeliest comes first: every cell is asked these in turn.
    ordinary = [and_(plain >= first, plain < end) for first, end in ("a{", "A[", "0:")]
    # A plus and digits, as phone numbers have: nothing but the plus is left without them.
    number = and_(plain >= "+0", plain < "+:", func.translate(value, "0123456789", "") == "+")
    risky = and_(
        value.regexp_match("^" + RISKY.pattern), not_(value.regexp_match(f"^({NUMBER.pattern})$"))
    )
    return case(
        *((each, value) for each in (*ordinary, number)),
        (risky, literal("'").concat(value)),
        else_=value,
    )
