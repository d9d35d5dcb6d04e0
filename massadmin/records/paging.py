"""Paging: one page at a time behind or in front of an edge, so that each costs what the first does.

A page is asked for with one row more than it shows, which tells whether there is another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

from massadmin.extensions import db
from massadmin.records.filters import BadFilter
from massadmin.records.values import whole_number

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page. `before` and `after` are the tokens of the pages around it, None at either end."""

    rows: Sequence[T] = ()
    before: str | None = None
    after: str | None = None


def page_by_id(
    statement: Select[T],
    key: InstrumentedAttribute[int],
    *,
    size: int,
    after: str | None = None,
    before: str | None = None,
    newest_first: bool = False,
) -> Page[T]:
    """The page of at most `size` rows of `statement` behind `after`, or in front of `before`.

    Rows are ordered by their `key`, ascending unless `newest_first`; a token is a key.

    Raises:
        BadFilter: a token cannot be understood.
    """
    token, backwards = after or before, bool(before) and not after
    falling = newest_first != backwards
    if token:
        edge = whole_number(token)
        if edge is None:
            raise BadFilter("This page's address is not complete; start from the first page.")
        statement = statement.where(key < edge if falling else key > edge)
    ordered = statement.order_by(key.desc() if falling else key.asc()).limit(size + 1)
    found = db.session.scalars(ordered.execution_options(populate_existing=True)).all()
    rows, earlier, later = cut(found, size, backwards=backwards, moved=bool(token))
    return Page(
        rows,
        str(getattr(rows[0], key.key)) if rows and earlier else None,
        str(getattr(rows[-1], key.key)) if rows and later else None,
    )


def cut(
    found: Sequence[Any], size: int, *, backwards: bool, moved: bool
) -> tuple[list[Any], bool, bool]:
    """The `size` rows of a page out of up to one more, in the list's order, and whether there are
    pages before and behind it. One that was reached from another (`moved`) has that beside it."""
    more, rows = len(found) > size, list(found[:size])
    if backwards:
        return rows[::-1], more, True
    return rows, moved, more
