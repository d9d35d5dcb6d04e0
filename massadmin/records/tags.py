"""Tags: short words on records, unique without regard to case."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    String,
    cast,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from massadmin.extensions import Base, db

MAX_TAG_CHARS = 64


class Tag(Base):
    """One tag; its first spelling is the one that pages show."""

    __tablename__ = "tags"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String)

    __table_args__ = (Index("uq_tags_name", text("lower(name)"), unique=True),)


class ContactTag(Base):
    """One tag on one contact."""

    __tablename__ = "contact_tags"

    contact_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True
    )
    tag_id: Mapped[int] = mapped_column(ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True)

    __table_args__ = (Index("ix_contact_tags_tag_id", "tag_id", "contact_id"),)


class BadTag(ValueError):
    """A tag name that cannot be used; the message says why."""


def tag_names(raw: str | Iterable[str]) -> list[str]:
    """The tag names in `raw` (comma-separated text, or several such), each once, in order.

    Raises:
        BadTag: a name is too long or holds a character that separates names elsewhere.
    """
    parts = [raw] if isinstance(raw, str) else list(raw)
    names: dict[str, str] = {}
    for part in parts:
        for name in part.split(","):
            name = " ".join(name.split())
            if not name:
                continue
            if len(name) > MAX_TAG_CHARS:
                raise BadTag(f"The tag {name[:20]!r}… is longer than {MAX_TAG_CHARS} characters.")
            if "|" in name or "\x00" in name:
                raise BadTag(f"The tag {name!r} may not contain “|” or control characters.")
            names.setdefault(name.lower(), name)
    return list(names.values())


def ensure_tags(names: Iterable[str]) -> dict[str, int]:
    """The ids of `names`, making those that are new: `{name as given: id}`."""
    wanted = sorted(set(names), key=str.lower)
    if not wanted:
        return {}
    db.session.execute(
        insert(Tag)
        .values([{"name": name} for name in wanted])
        .on_conflict_do_nothing(index_elements=[text("lower(name)")])
    )
    return known_tags(wanted)


def known_tags(names: Iterable[str]) -> dict[str, int]:
    """The ids of those of `names` that exist: `{name as given: id}`."""
    wanted = list(names)
    lowered = select(func.unnest(cast(wanted, ARRAY(String))).label("name")).subquery()
    rows = db.session.execute(
        select(lowered.c.name, Tag.id).join(Tag, func.lower(Tag.name) == func.lower(lowered.c.name))
    )
    return {row.name: row.id for row in rows}


def suggest_tags(beginning: str, limit: int = 20) -> list[str]:
    """Names of existing tags that begin with `beginning`, for a form's suggestions."""
    return list(
        db.session.scalars(
            select(Tag.name)
            .where(func.lower(Tag.name).startswith(beginning.lower(), autoescape=True))
            .order_by(func.lower(Tag.name))
            .limit(limit)
        )
    )
