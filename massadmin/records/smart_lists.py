"""Smart lists: a filter with its columns and sort, saved under a name."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Identity, Index, String, bindparam, func, or_, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from massadmin.auth.models import User
from massadmin.extensions import Base, db
from massadmin.records.filters import Query
from massadmin.records.modules import Module

MAX_NAME_CHARS = 80


class SmartList(Base):
    """A saved view; a `shared` one is everybody's to see, and its owner's to change."""

    __tablename__ = "smart_lists"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    module: Mapped[str] = mapped_column(String)
    name: Mapped[str] = mapped_column(String)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    shared: Mapped[bool] = mapped_column(server_default=text("false"))
    query: Mapped[dict[str, Any]] = mapped_column(JSONB)
    columns: Mapped[list[str] | None] = mapped_column(JSONB)
    sort: Mapped[str] = mapped_column(String, server_default=text("'-created_at'"))

    __table_args__ = (
        Index("uq_smart_lists_name", "module", "owner_id", text("lower(name)"), unique=True),
    )


class BadList(ValueError):
    """A smart list that cannot be saved; the message says why."""


# Every list asks this, and putting it together takes longer than its answer.
_LISTS_FOR = (
    select(SmartList)
    .where(
        SmartList.module == bindparam("of"),
        or_(SmartList.owner_id == bindparam("reader"), SmartList.shared),
    )
    .order_by(func.lower(SmartList.name), SmartList.id)
)


def lists_for(user: User, module: Module) -> list[SmartList]:
    """The user's own lists and those shared with all, by name."""
    return list(db.session.scalars(_LISTS_FOR, {"of": module.key, "reader": user.id}))


def find_list(list_id: int, user: User) -> SmartList | None:
    """A list the user may see, or None."""
    return db.session.scalar(
        select(SmartList).where(
            SmartList.id == list_id, or_(SmartList.owner_id == user.id, SmartList.shared)
        )
    )


def may_change(smart_list: SmartList, user: User) -> bool:
    """Owners change their lists; whoever manages settings may change shared ones."""
    return smart_list.owner_id == user.id or (smart_list.shared and user.can("settings.manage"))


def save_list(
    user: User,
    module: Module,
    name: str,
    query: Query,
    *,
    columns: list[str] | None = None,
    sort: str = "-created_at",
    shared: bool = False,
) -> SmartList:
    """Save a new list; the caller commits.

    Raises:
        BadList: the name is empty, too long, or taken by another list of the user.
    """
    smart_list = SmartList(
        module=module.key,
        name=_name(user, module.key, name),
        owner_id=user.id,
        shared=shared,
        query=query.to_json(),
        columns=columns,
        sort=sort,
    )
    db.session.add(smart_list)
    db.session.flush()
    return smart_list


def rename_list(smart_list: SmartList, user: User, name: str) -> None:
    """Give a list another name; the caller commits.

    Raises:
        BadList: as `save_list`.
    """
    smart_list.name = _name(user, smart_list.module, name, besides=smart_list.id)


def _name(user: User, module: str, name: str, besides: int = 0) -> str:
    name = " ".join(name.split())
    if not name:
        raise BadList("Give the list a name.")
    if "\x00" in name:
        raise BadList("A list's name cannot hold a NUL character.")
    if len(name) > MAX_NAME_CHARS:
        raise BadList(f"A list's name has at most {MAX_NAME_CHARS} characters.")
    taken = db.session.scalar(
        select(SmartList.id).where(
            SmartList.module == module,
            SmartList.owner_id == user.id,
            func.lower(SmartList.name) == name.lower(),
            SmartList.id != besides,
        )
    )
    if taken:
        raise BadList(f"You already have a list called “{name}”.")
    return name
