"""Filters compiled to SQL: which records a query finds, as far as a user may see them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Integer,
    and_,
    bindparam,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.fields import TEXTUAL, Field
from massadmin.records.filters import (
    OPERATORS,
    OPERATORS_BY_TYPE,
    VALUELESS,
    BadFilter,
    Condition,
    Query,
)
from massadmin.records.modules import Module, UnknownField
from massadmin.records.tags import Tag
from massadmin.records.values import BadValue, parse, whole_number

MAX_DAYS = 36_500


def where(
    module: Module, query: Query, user: User, *, one_by_one: bool = False
) -> ColumnElement[bool]:
    """The clause that selects what `query` finds among the records `user` may see; `one_by_one`
    has each record asked by itself for its tags, which is right for few records.

    Raises:
        BadFilter: a condition names an unknown field or operator, or its value does not fit.
    """
    module = module.in_trash() if query.trash else module
    parts = [
        compile_condition(module, each, user, one_by_one=one_by_one) for each in query.conditions
    ]
    joined = (or_ if query.match == "any" else and_)(*parts) if parts else true()
    clauses = [visible(module, user, trash=query.trash), joined]
    if query.q:
        clauses.append(matches_words(module, query.q))
    if query.deleted_run is not None:
        clauses.append(module.table.c.deleted_run_id == query.deleted_run)
    return and_(*clauses)


def visible(module: Module, user: User, *, trash: bool = False) -> ColumnElement[bool]:
    """Live (or deleted) records that `user` may see: all, or only those they own."""
    there = alive(module, trash=trash)
    if user.sees_all_records:
        return there
    return and_(there, module.table.c.owner_id == user.id)


def alive(module: Module, *, trash: bool = False) -> ColumnElement[bool]:
    """Live (or deleted) records, whoever may see them."""
    deleted_at = module.table.c.deleted_at
    return deleted_at.is_not(None) if trash else deleted_at.is_(None)


def matches_words(module: Module, q: str) -> ColumnElement[bool]:
    """Records in whose searched fields every word of `q` begins some word."""
    separated = q.translate(str.maketrans("@.+_-/", "      "))
    quoted = [
        "'" + word.replace("\\", "\\\\").replace("'", "''") + "':*" for word in separated.split()
    ]
    if not quoted:
        return false()
    return module.table.c.search.op("@@")(func.to_tsquery("simple", " & ".join(quoted)))


def compile_condition(
    module: Module, condition: Condition, user: User, *, one_by_one: bool = False
) -> ColumnElement[bool]:
    """One condition as SQL; `one_by_one` as `where` has it.

    Raises:
        BadFilter: unknown field or operator, or a value the field cannot be compared with.
    """
    try:
        field = module.field(condition.field)
    except UnknownField as error:
        raise BadFilter(str(error)) from error
    op = condition.op
    if op not in OPERATORS:
        raise BadFilter(f"There is no operator “{op[:40]}”.")
    if op not in OPERATORS_BY_TYPE[field.type]:
        raise BadFilter(f"{field.label} cannot be filtered with “{OPERATORS[op]}”.")
    if op not in VALUELESS and not condition.value:
        raise BadFilter(f"{field.label} “{OPERATORS[op]}”: the filter has no value.")
    try:
        if field.type == "tags":
            return _tags(module, op, condition.value, one_by_one=one_by_one)
        if op in VALUELESS:
            empty = field.sql(module.table).is_(None)
            return empty if op == "empty" else not_(empty)
        if field.type in TEXTUAL:
            return _text(module, field, op, condition.value)
        if field.type in ("date", "datetime"):
            return _dates(module, field, op, condition.value, user.zone)
        return _plain(module, field, op, condition.value, user)
    except BadValue as error:
        raise BadFilter(str(error)) from error
    except OverflowError as error:
        raise BadFilter(f"{field.label}: {condition.value[:40]!r} is out of range.") from error


def _text(module: Module, field: Field, op: str, value: str) -> ColumnElement[bool]:
    column: ColumnElement[str | None] = field.sql(module.table)
    lowered: ColumnElement[str | None] = func.lower(column)
    match op:
        case "is":
            # Phone numbers are stored as E.164, so they compare as they are.
            return column == value if field.type == "phone" else lowered == value.lower()
        case "is_not":
            return lowered.is_distinct_from(value.lower())
        case "contains":
            return column.icontains(value, autoescape=True)
        case "starts":
            return column.istartswith(value, autoescape=True)
    return lowered.in_([each.lower() for each in value.split("|") if each])


def _dates(module: Module, field: Field, op: str, value: str, zone: str) -> ColumnElement[bool]:
    column = field.sql(module.table)
    if op in ("within_days", "older_days"):
        days = whole_number(value, MAX_DAYS)
        if days is None:
            raise BadFilter(f"{field.label}: {value[:40]!r} is no number of days.")
        edge: Any = datetime.now(UTC) - timedelta(days=days)
        if field.type == "date":
            edge = edge.astimezone(ZoneInfo(zone)).date()
        return column >= edge if op == "within_days" else column < edge
    if op == "between":
        first, last = _ends(field, value)
        return and_(column >= _start(field, first, zone), column < _end(field, last, zone))
    if op == "before":
        return column < _start(field, value, zone)
    if op == "after":
        return column >= _end(field, value, zone)
    return and_(column >= _start(field, value, zone), column < _end(field, value, zone))


def _start(field: Field, value: str, zone: str) -> Any:
    """The first instant (or day) that `value` names."""
    return parse(field, value, zone=zone)


def _end(field: Field, value: str, zone: str) -> Any:
    """The first instant (or day) after what `value` names: a whole day, or one moment."""
    start = parse(field, value, zone=zone)
    if field.type == "date":
        return start + timedelta(days=1)
    if "T" in value or ":" in value:
        return start + timedelta(microseconds=1)
    local = start.astimezone(ZoneInfo(zone))
    return (local + timedelta(days=1)).astimezone(UTC)


def _plain(module: Module, field: Field, op: str, value: str, user: User) -> ColumnElement[bool]:
    column = field.sql(module.table)

    def one(raw: str) -> Any:
        if field.type == "user" and raw.strip().lower() == "me":
            return user.id
        if field.type == "user" and not raw.strip().isdecimal():
            email = func.lower(User.email) == raw.strip().lower()
            known = db.session.scalar(select(User.id).where(email))
            if known is None:
                # Compared with nobody, “is not” would find everybody's records.
                raise BadFilter(f"{field.label}: there is no user {raw.strip()[:60]!r}.")
            return known
        parsed = parse(field, raw, zone=user.zone)
        if parsed is None:
            raise BadFilter(f"{field.label} “{OPERATORS[op]}”: the filter has no value.")
        return parsed

    match op:
        case "is":
            return column == one(value)
        case "is_not":
            return column.is_distinct_from(one(value))
        case "gt":
            return column > one(value)
        case "lt":
            return column < one(value)
        case "between":
            first, last = _ends(field, value)
            return column.between(one(first), one(last))
    return column.in_([one(each) for each in value.split("|") if each.strip()])


def _ends(field: Field, value: str) -> tuple[str, str]:
    first, separator, last = value.partition("..")
    if not separator or not first.strip() or not last.strip():
        raise BadFilter(f"{field.label} between {value[:40]!r}: write it as first..last.")
    return first.strip(), last.strip()


def _tags(module: Module, op: str, value: str, *, one_by_one: bool) -> ColumnElement[bool]:
    tags = module.tags
    on_record = tags.c[module.tags_record] == module.table.c.id

    def any_tag(*which: ColumnElement[bool]) -> ColumnElement[bool]:
        found = select(literal(1)).select_from(tags).where(on_record, *which)
        # The planner makes no join of what has an offset, so it never reads all that have the tag.
        return exists(found.offset(0) if one_by_one else found)

    if op in VALUELESS:
        return not_(any_tag()) if op == "empty" else any_tag()
    wanted = [each.strip().lower() for each in value.split("|") if each.strip()]
    # Written into the SQL as numbers: only then does the planner know how many records a tag is on,
    # and whether to go through the list in its order or through all that have the tag.
    ids = db.session.scalars(select(Tag.id).where(func.lower(Tag.name).in_(wanted))).all()
    known = bindparam(None, ids, expanding=True, literal_execute=True, type_=Integer, unique=True)
    tagged = any_tag(tags.c.tag_id.in_(known))
    return tagged if op == "has" else not_(tagged)
