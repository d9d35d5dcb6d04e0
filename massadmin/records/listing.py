"""Listing: a page of records at a time, by keyset, so that page 10,000 costs what page 1 costs."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, cast, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DataError
from sqlalchemy.types import Text

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.fields import Field
from massadmin.records.filter_sql import where
from massadmin.records.filters import BadFilter, Query
from massadmin.records.modules import Module, UnknownField
from massadmin.records.page_rows import Reading, read
from massadmin.records.paging import cut
from massadmin.records.tags import Tag

PAGE_SIZES = (25, 50, 100)
# Beyond this, a history or the results of a run say “more than”.
EXACT_COUNT = 10_000
MAX_ID = 2**63 - 1
UNFIT_PAGE = "This page link does not fit the list. Start from the first page."


@dataclass(frozen=True)
class Sort:
    """The field a list is ordered by; equal values are ordered by id, in the same direction."""

    field: str
    descending: bool = False

    @classmethod
    def parse(cls, module: Module, raw: str) -> Sort:
        """Read `field` or `-field`.

        Raises:
            BadFilter: there is no such field, or it has no order.
        """
        descending, key = raw.startswith("-"), raw.removeprefix("-")
        try:
            field = module.field(key)
        except UnknownField as error:
            raise BadFilter(f"Cannot sort: {error}") from error
        if not field.sortable:
            raise BadFilter(f"A list cannot be sorted by {field.label}.")
        return cls(key, descending)

    def to_text(self) -> str:
        """The form that `parse` reads."""
        return ("-" if self.descending else "") + self.field


@dataclass(frozen=True)
class ListPage:
    """One page. `records` are mappings of field key to value, with `tags` a list of names;
    `before` and `after` are the tokens of the pages around it, None at either end; `total` is how
    many records the query finds where that came to light."""

    records: Sequence[dict[str, Any]]
    before: str | None
    after: str | None
    total: int | None = None


def list_page(
    module: Module,
    query: Query,
    user: User,
    *,
    sort: Sort,
    size: int = 50,
    after: str | None = None,
    before: str | None = None,
) -> ListPage:
    """The page of at most `size` records behind `after`, or in front of `before`.

    Raises:
        BadFilter: the query, the sort or the token cannot be understood.
    """
    table = module.table
    field = module.field(sort.field)
    key = field.sort_key(table)
    backwards = before is not None and after is None
    descending = sort.descending != backwards
    token, edge = before if backwards else after, None
    if token is not None:
        value, record_id = _read_token(token, sort)
        there = tuple_(cast(literal(value, Text), key.type), literal(record_id))
        here = tuple_(key, table.c.id)
        edge = here < there if descending else here > there
    reading = Reading(module, query, user, field, descending, edge, size + 1)
    try:
        with db.session.begin_nested() if token is not None else nullcontext():
            rows, total = read(reading, record_columns(module))
    except DataError as error:
        # A token whose value is none of the field's: somebody wrote it by hand.
        raise BadFilter(UNFIT_PAGE) from error
    rows, has_previous, has_next = cut(rows, size, backwards=backwards, moved=token is not None)
    keys = [column.key for column in record_columns(module)]
    return ListPage(
        # What the page is put together by stands behind the columns, and is left out.
        records=[dict(zip(keys, row, strict=False)) for row in rows],
        before=_token(rows[0]._asdict(), sort) if rows and has_previous else None,
        after=_token(rows[-1]._asdict(), sort) if rows and has_next else None,
        total=total,
    )


@lru_cache(maxsize=16)
def record_columns(module: Module) -> list[Any]:
    """Every field of the module, labelled with the field's key, and `deleted_*`; `tags` are the
    names of a record's tags in alphabetical order."""
    table = module.table
    columns = [
        (_tags_of(module) if field.type == "tags" else field.sql(table)).label(field.key)
        for field in module.fields
    ]
    return [*columns, table.c.deleted_at, table.c.deleted_by, table.c.deleted_run_id]


def _tags_of(module: Module) -> ColumnElement[list[str]]:
    tags, table = module.tags, module.table
    names = (
        select(Tag.name)
        .join(tags, tags.c.tag_id == Tag.id)
        .where(tags.c[module.tags_record] == table.c.id)
        .order_by(func.lower(Tag.name), Tag.name)
        .correlate(table)
    )
    return func.array(names.scalar_subquery(), type_=ARRAY(Text))


def one_record(
    module: Module, record_id: int, user: User, *, trash: bool | None = False
) -> dict[str, Any] | None:
    """One record as `list_page` shows it, or None when the user may not see it.

    `trash` None looks among live and deleted records alike.
    """
    for in_trash in (False, True) if trash is None else (trash,):
        row = db.session.execute(
            select(*record_columns(module)).where(
                where(module, Query(trash=in_trash), user), module.table.c.id == record_id
            )
        ).first()
        if row is not None:
            return dict(row._mapping)
    return None


def count_up_to(module: Module, query: Query, user: User, limit: int) -> int:
    """How many records the query finds, counted no further than `limit + 1`."""
    found = select(literal(1)).select_from(module.table).where(where(module, query, user))
    capped = found.limit(limit + 1).subquery()
    return db.session.scalar(select(func.count()).select_from(capped)) or 0


def counting(module: Module, query: Query, user: User) -> Select[int]:
    """The statement that counts all records that the query finds.

    Raises:
        BadFilter: the query cannot be understood.
    """
    return select(func.count()).select_from(module.table).where(where(module, query, user))


def count_all(module: Module, query: Query, user: User) -> int:
    """How many records the query finds, exactly."""
    return db.session.scalar(counting(module, query, user)) or 0


def title(module: Module, record: dict[str, Any]) -> str:
    """What a page calls a record: its name, else its address, number or id."""
    name = " ".join(str(record[key]) for key in module.title if record.get(key))
    return (
        name
        or record.get("email")
        or record.get("phone")
        or record.get("company_name")
        or f"{module.singular.capitalize()} {record['id']}"
    )


def shown_fields(module: Module, keys: Sequence[str] | None) -> list[Field]:
    """The columns of a list: those a user chose that still exist, else the module's own choice."""
    by_key = {field.key: field for field in module.fields}
    chosen = [by_key[key] for key in keys or () if key in by_key]
    return chosen or [field for field in module.fields if field.default_column]


def _token(record: Mapping[str, Any], sort: Sort) -> str:
    payload = json.dumps([sort.to_text(), record["_key"], record["id"]])
    return base64.urlsafe_b64encode(payload.encode()).decode().rstrip("=")


def _read_token(token: str, sort: Sort) -> tuple[str, int]:
    try:
        padded = token + "=" * (-len(token) % 4)
        ordered_by, value, record_id = json.loads(base64.urlsafe_b64decode(padded))
        if ordered_by != sort.to_text() or type(record_id) is not int:
            raise ValueError(token)
        if not -MAX_ID <= record_id <= MAX_ID:
            raise ValueError(token)
        if not isinstance(value, str) or "\x00" in value:
            raise ValueError(token)
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        raise BadFilter(UNFIT_PAGE) from error
    return value, record_id
