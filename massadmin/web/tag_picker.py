"""The tag picker of action forms: which tags it offers to tick, and which stand in its line."""

from __future__ import annotations

from dataclasses import dataclass

from wtforms import StringField

from massadmin.records.tags import BadTag, suggest_tags, tag_names
from massadmin.runs.audience import COUNTED_RECORDS, tags_among
from massadmin.web.action_request import Asked

# With more tags than this, finding one to tick takes longer than typing it.
MOST_TICKS = 24
# Tags on the records at hand are what one wants to see, so there may be more of them.
MOST_PRESENT = 60
MOST_NAMES = 500


@dataclass(frozen=True)
class Tick:
    """A tag to tick; `count` is on how many of the records it is, None when that is not known."""

    name: str
    on: bool
    count: int | None = None


@dataclass(frozen=True)
class TagOffer:
    """`typed` stands in the line, `ticks` below it, `names` are suggested while typing."""

    typed: str
    ticks: list[Tick]
    names: list[str]


def tag_offer(asked: Asked, field: StringField, *, present: bool) -> TagOffer:
    """What the picker of `field` offers: all tags, or those `present` on the records asked for."""
    typed = field.data or ""
    try:
        chosen = tag_names(typed)
    except BadTag:
        return TagOffer(typed, [], [])
    counts: dict[str, int | None] = {}
    if present:
        found = tags_among(asked.audience, asked.module)
        exact = asked.audience.count() <= COUNTED_RECORDS
        names = [name for name, _ in found]
        counts = {name: count if exact else None for name, count in found}
        offered = names[:MOST_PRESENT]
    else:
        names = suggest_tags("", MOST_NAMES)
        offered = names if len(names) <= MOST_TICKS else []
    on = {name.lower() for name in chosen}
    known = {name.lower() for name in offered}
    return TagOffer(
        ", ".join(name for name in chosen if name.lower() not in known),
        [Tick(name, name.lower() in on, counts.get(name)) for name in offered],
        names,
    )
