"""The rows of a page, found without going through more of a table than they are worth.

What a filter finds may be everywhere or nowhere in a list, and the planner of a database, which
guesses, takes seconds for a page where it guesses wrong: it goes through a million records in the
order of the list to find that none matches. So a list whose order an index keeps is gone through
a little way first. Where that shows that matches are rare, all of them are found in whatever way
finds them soonest, and put in order and counted by the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, select
from sqlalchemy.sql.selectable import Subquery

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.fields import Field, as_text
from massadmin.records.filter_sql import alive, compile_condition, where
from massadmin.records.filters import Query
from massadmin.records.modules import Module

# How many records of a list are looked at in its order, 2 or 3 µs for each: enough for a page where
# one in 50 matches, and one in 200.
NEAR = 3_000
FURTHER = 12_000
# With fewer matches than this among the nearest, a page would take more than the further ones, and
# counting up to 10,000 goes through all records anyway.
PROMISING = 12
# Whoever asks for one of these by its value means few records, and an index says which.
FEW_EACH = frozenset({"id", "email", "phone"})
ALWAYS_ASKED = frozenset({"id", "owner_id", "search", "deleted_at", "deleted_run_id"})


@dataclass(frozen=True)
class Reading:
    """What is read: at most `limit` rows that `query` finds for `user`, those behind `edge` when
    there is one, ordered by `field` and then by id, both `descending` or both ascending."""

    module: Module
    query: Query
    user: User
    field: Field
    descending: bool
    edge: ColumnElement[bool] | None
    limit: int

    @property
    def key(self) -> ColumnElement[Any]:
        """What the rows are ordered by before their id."""
        return self.field.sort_key(self.module.table)

    @property
    def found(self) -> ColumnElement[bool]:
        """Everything that a row must be."""
        found = where(self.module, self.query, self.user)
        return found if self.edge is None else and_(found, self.edge)

    @property
    def narrowed(self) -> bool:
        """Whether some records of the list are left out."""
        query = self.query
        said = query.conditions or query.q or query.deleted_run is not None
        return bool(said) or not self.user.sees_all_records

    @property
    def singled_out(self) -> bool:
        """Whether a condition names the records by a value that few have."""
        named = {each.key for each in self.module.fields if each.type in FEW_EACH}
        return self.query.match == "all" and any(
            each.op in ("is", "one_of") and each.field in named for each in self.query.conditions
        )

    def ordered(self, key: ColumnElement[Any], record_id: ColumnElement[Any]) -> Sequence[Any]:
        """How rows with these are ordered."""
        if self.descending:
            return key.desc(), record_id.desc()
        return key.asc(), record_id.asc()


@dataclass(frozen=True)
class _Some:
    """Stands for the model of a module of whose records only these are meant."""

    __table__: Subquery


def read(reading: Reading, columns: Sequence[Any]) -> tuple[list[Row[Any]], int | None]:
    """The rows in order, each with `columns` of it and the text form of its key as `_key`; and how
    many there are in all where that came to light, never behind an edge.

    Raises:
        BadFilter: the query cannot be understood.
    """
    if not (reading.field.in_order and reading.narrowed):
        return _shown(reading, columns, _plainly(reading)), None
    rows = [] if reading.singled_out else _shown(reading, columns, _nearest(reading, NEAR))
    if PROMISING <= len(rows) < reading.limit:
        rows = _shown(reading, columns, _nearest(reading, FURTHER))
    if len(rows) == reading.limit:
        return rows, None
    rows = _shown(reading, columns, _all_found(reading))
    total = rows[0]._mapping["_total"] if rows else 0
    return rows, total if reading.edge is None else None


def _shown(reading: Reading, columns: Sequence[Any], page: Subquery) -> list[Row[Any]]:
    """The rows whose `id` and `key` are in `page`. Only for them are columns made: those of custom
    fields take longer than finding them."""
    more = [page.c.total.label("_total")] if "total" in page.c else []
    statement = (
        select(*columns, as_text(page.c.key).label("_key"), *more)
        .join_from(page, reading.module.table, reading.module.table.c.id == page.c.id)
        .order_by(*reading.ordered(page.c.key, page.c.id))
    )
    return list(db.session.execute(statement))


def _plainly(reading: Reading) -> Subquery:
    """The rows as the planner likes it best."""
    table = reading.module.table
    statement = select(table.c.id, reading.key.label("key")).where(reading.found)
    return _first(reading, statement, reading.key, table.c.id)


def _nearest(reading: Reading, number: int) -> Subquery:
    """The rows among the first `number` of the list. Conditions on the very column that it is
    ordered by narrow the list itself: they say where in the index to begin."""
    module, query, table = reading.module, reading.query, reading.module.table
    within = [alive(module, trash=query.trash)]
    if query.match == "all" and reading.key is reading.field.sql(table):
        within += [
            compile_condition(module.in_trash() if query.trash else module, each, reading.user)
            for each in query.conditions
            if each.field == reading.field.key
        ]
    if reading.edge is not None:
        within.append(reading.edge)
    near = (
        select(*_asked_of(module, query), reading.key.label("key"))
        .where(*within)
        .order_by(*reading.ordered(reading.key, table.c.id))
        .limit(number)
        .subquery(table.name + "_near")
    )
    nearest = replace(module, model=_Some(near))
    found = where(nearest, query, reading.user, one_by_one=True)
    return _first(reading, select(near.c.id, near.c.key).where(found), near.c.key, near.c.id)


def _asked_of(module: Module, query: Query) -> list[ColumnElement[Any]]:
    """The columns that `where` may ask of; to name them all takes longer than some pages."""
    fields = (module.in_trash() if query.trash else module).filterable
    columns = {each.key: each.column for each in fields if each.type != "tags"}
    asked = {columns[each.field] for each in query.conditions if each.field in columns}
    return [module.table.c[name] for name in sorted(ALWAYS_ASKED | asked)]


def _all_found(reading: Reading) -> Subquery:
    """The rows among all that are found, each with their `total`. Put aside before they are put in
    order, so that the planner has nothing to gain from going through the list in its order."""
    found = (
        select(reading.module.table.c.id, reading.key.label("key"))
        .where(reading.found)
        .cte("found")
        .prefix_with("MATERIALIZED")
    )
    total = select(func.count()).select_from(found).scalar_subquery().label("total")
    return _first(reading, select(found.c.id, found.c.key, total), found.c.key, found.c.id)


def _first(
    reading: Reading, statement: Select[Any], key: ColumnElement[Any], record_id: ColumnElement[Any]
) -> Subquery:
    return (
        statement.order_by(*reading.ordered(key, record_id)).limit(reading.limit).subquery("page")
    )
