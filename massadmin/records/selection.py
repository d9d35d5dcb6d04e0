"""Selection: what a user ticked, kept in the database under a token that the page carries.

A selection is either some ids, or everything that matches a query minus exceptions. Two tabs carry
two tokens and never mix; a token of somebody else is as unknown as one that never existed.
"""

from __future__ import annotations

import uuid
from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKey,
    Select,
    String,
    and_,
    bindparam,
    delete,
    false,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID, insert
from sqlalchemy.orm import Mapped, mapped_column

from massadmin.auth.models import User
from massadmin.extensions import Base, db
from massadmin.records.filter_sql import visible, where
from massadmin.records.filters import Query
from massadmin.records.modules import Module

# More hand-picked ids than this are a filter that somebody should write down instead.
MAX_IDS = 100_000


class UnknownSelection(LookupError):
    """A token that is no selection of this user and module."""


class TooManyTicks(ValueError):
    """More records were ticked one by one than a selection keeps."""


class Selection(Base):
    """One selection of one user; `mode` is `ids` or `matching`."""

    __tablename__ = "selections"

    token: Mapped[uuid.UUID] = mapped_column(UUID, primary_key=True, default=uuid.uuid4)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    module: Mapped[str] = mapped_column(String)
    mode: Mapped[str] = mapped_column(String, server_default=text("'ids'"))
    ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=text("'{}'"))
    query: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    excluded: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=text("'{}'"))
    touched_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    def holds(self, record_id: int) -> bool:
        """Whether a record that the list shows under this selection's query is ticked."""
        matching = self.mode == "matching"
        named = self.excluded if matching else self.ids
        place = bisect_left(named, record_id)  # both are kept in order
        return (named[place : place + 1] == [record_id]) != matching


def new_selection(user: User, module: Module, *, trash: bool = False) -> Selection:
    """An empty selection; the caller commits."""
    selection = Selection(
        token=uuid.uuid4(),
        user_id=user.id,
        module=module.key,
        mode="ids",
        ids=[],
        excluded=[],
        query=Query(trash=trash).to_json(),
    )
    db.session.add(selection)
    db.session.flush()
    return selection


def find_selection(
    token: str, user: User, module: Module, *, for_change: bool = False
) -> Selection:
    """The user's selection under `token`; `for_change` makes quick ticks wait for each other.

    Raises:
        UnknownSelection: there is none of that user in that module.
    """
    try:
        key = uuid.UUID(token)
    except ValueError as error:
        raise UnknownSelection("The selection is not known; tick the records again.") from error
    statement = select(Selection).where(
        Selection.token == key,
        Selection.user_id == user.id,
        Selection.module == module.key,
    )
    if for_change:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    selection = db.session.scalar(statement)
    if selection is None:
        raise UnknownSelection("The selection is not known; tick the records again.")
    return selection


def open_selection(token: str, user: User, module: Module, *, trash: bool = False) -> Selection:
    """The user's selection under `token`, locked for a change; made now if it is the first tick.

    A page names its selection before anything is ticked, so that merely looking writes nothing
    and quick first ticks meet in one row.

    Raises:
        UnknownSelection: the token is none, or somebody else's.
    """
    try:
        key = uuid.UUID(token)
    except ValueError as error:
        raise UnknownSelection("The selection is not known; reload the page.") from error
    opened = (
        insert(Selection)
        .values(token=key, user_id=user.id, module=module.key, query=Query(trash=trash).to_json())
        .on_conflict_do_update(
            index_elements=[Selection.token],
            set_={"touched_at": func.now()},
            where=and_(Selection.user_id == user.id, Selection.module == module.key),
        )
        .returning(Selection)
    )
    found = db.session.scalar(opened, execution_options={"populate_existing": True})
    if found is None:
        raise UnknownSelection("The selection is not known; tick the records again.")
    return found


def tick(selection: Selection, ids: Iterable[int]) -> None:
    """Take these records in: as ids, or by dropping their exceptions.

    Raises:
        TooManyTicks: the selection would hold more than `MAX_IDS` ids.
    """
    if selection.mode == "matching":
        selection.excluded = sorted(set(selection.excluded) - set(ids))
    else:
        selection.ids = _capped(set(selection.ids) | set(ids))
    _touch(selection)


def untick(selection: Selection, ids: Iterable[int]) -> None:
    """Leave these records out: as ids, or by making them exceptions.

    Raises:
        TooManyTicks: the selection would hold more than `MAX_IDS` exceptions.
    """
    if selection.mode == "matching":
        selection.excluded = _capped(set(selection.excluded) | set(ids))
    else:
        selection.ids = sorted(set(selection.ids) - set(ids))
    _touch(selection)


def take_all(selection: Selection, query: Query) -> None:
    """Take everything that matches `query`, without exceptions."""
    selection.mode, selection.ids, selection.excluded = "matching", [], []
    selection.query = query.to_json()
    _touch(selection)


def clear(selection: Selection) -> None:
    """Take nothing."""
    trash = Query.from_json(selection.query).trash
    selection.mode, selection.ids, selection.excluded = "ids", [], []
    selection.query = Query(trash=trash).to_json()
    _touch(selection)


def follow(selection: Selection, query: Query) -> None:
    """Keep a selection true to its list: when the filter changed, “all matching” it is gone."""
    if selection.mode == "matching" and Query.from_json(selection.query) != query:
        clear(selection)


def selected_ids(selection: Selection, module: Module, user: User) -> Select[int]:
    """The ids selected, as far as the user may see them, as a SELECT of one column `id`."""
    table = module.table
    query = Query.from_json(selection.query)
    if selection.mode == "matching":
        statement = select(table.c.id).where(where(module, query, user))
        if selection.excluded:
            statement = statement.where(table.c.id != func.all(_array(selection.excluded)))
        return statement
    if not selection.ids:
        return select(table.c.id).where(false())
    return select(table.c.id).where(
        visible(module, user, trash=query.trash), table.c.id == func.any(_array(selection.ids))
    )


def count_selected(selection: Selection, module: Module, user: User) -> int:
    """How many records are selected now."""
    ids = selected_ids(selection, module, user).subquery()
    return db.session.scalar(select(func.count()).select_from(ids)) or 0


def forget_old_selections(days: int = 2) -> int:
    """Drop selections that nobody touched for `days`; how many they were."""
    edge = func.now() - func.make_interval(0, 0, 0, days)
    result = db.session.execute(delete(Selection).where(Selection.touched_at < edge))
    return int(result.rowcount)  # type: ignore[attr-defined]  # a DELETE gives a cursor result


def _capped(ids: set[int]) -> list[int]:
    if len(ids) > MAX_IDS:
        raise TooManyTicks(
            f"At most {MAX_IDS:,} records can be ticked one by one. "
            "Filter the list and select all that match."
        )
    return sorted(ids)


def _array(ids: list[int]) -> Any:
    return bindparam(None, ids, type_=ARRAY(BigInteger), unique=True)


def _touch(selection: Selection) -> None:
    selection.touched_at = func.now()
