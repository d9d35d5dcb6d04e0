"""How many records lists were lately counted to hold, where that is more than a page says exactly.

Counting so far costs as much as all the rest of a page, and counting to the end many times that.
While people look at a list page by page, sort it, tick records and select all of them, it goes on
holding about as many. Each process keeps this for itself, for less than a minute, and of what was
counted to the end only until some bulk action ends. Smaller numbers, and those that somebody
confirms, are always counted.
"""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime

from massadmin.auth.models import User
from massadmin.records.filters import Query
from massadmin.records.modules import Module

KEPT = 60.0  # seconds
# More different filters within a minute are not worth keeping.
MOST = 1_000


@dataclass(frozen=True)
class _Count:
    number: int
    until: float
    whole: bool = False
    ended: datetime | None = None


def key_of(module: Module, query: Query, user: User) -> Hashable:
    """What the numbers of a list are kept by: those with the same key find the same records."""
    values = (part for each in query.conditions for part in each.value.split("|"))
    personal = not user.sees_all_records or any(each.strip().lower() == "me" for each in values)
    return module.key, query, user.zone, user.id if personal else None


class Counts:
    """What lists hold, by their keys."""

    def __init__(self) -> None:
        self._found: dict[Hashable, _Count] = {}

    def exceeds(self, key: Hashable, number: int) -> bool:
        """Whether the list was lately seen to hold more than `number` records."""
        found = self._lately(key)
        return found is not None and found.number > number

    def whole(self, key: Hashable, ended: datetime | None) -> int | None:
        """How many records the list was counted to hold since `ended`, when a run did, if it was
        counted to the end."""
        found = self._lately(key)
        known = found is not None and found.whole and found.ended == ended
        return found.number if found is not None and known else None

    def note_some(self, key: Hashable, number: int) -> None:
        """The list was seen to hold `number` records, and perhaps more."""
        if not self.exceeds(key, number - 1):
            self._keep(key, _Count(number, time.monotonic() + KEPT))

    def note_all(self, key: Hashable, number: int, ended: datetime | None) -> None:
        """The list was counted to the end, after a run had `ended`."""
        self._keep(key, _Count(number, time.monotonic() + KEPT, whole=True, ended=ended))

    def _keep(self, key: Hashable, found: _Count) -> None:
        if len(self._found) >= MOST:
            self._found.clear()
        self._found[key] = found

    def _lately(self, key: Hashable) -> _Count | None:
        found = self._found.get(key)
        return found if found is not None and found.until > time.monotonic() else None
