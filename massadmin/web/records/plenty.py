"""Which lists were lately found to hold more than a page says exactly.

Counting so far costs as much as all the rest of a page, and while people look at a list page by
page, sort it and tick records, it goes on holding that many. Each process keeps this for itself:
what it says is “more than 10,000”, which it found itself less than a minute ago. Smaller numbers,
and those that somebody confirms, are always counted.
"""

from __future__ import annotations

import time
from collections.abc import Hashable

from massadmin.auth.models import User
from massadmin.records.filters import Query
from massadmin.records.modules import Module

KEPT = 60.0  # seconds
# More different filters within a minute are not worth keeping.
MOST = 1_000


class Plenty:
    """Lists that hold plenty, by what finds their records and as whom."""

    def __init__(self) -> None:
        self._until: dict[Hashable, float] = {}

    def knows(self, module: Module, query: Query, user: User, number: int) -> bool:
        """Whether less than `KEPT` seconds ago the list held more than `number` records."""
        return self._until.get(_key(module, query, user, number), 0.0) > time.monotonic()

    def note(self, module: Module, query: Query, user: User, number: int) -> None:
        """The list was counted just now, and holds more than `number` records."""
        if len(self._until) >= MOST:
            self._until.clear()
        self._until[_key(module, query, user, number)] = time.monotonic() + KEPT


def _key(module: Module, query: Query, user: User, number: int) -> Hashable:
    """Lists with the same key find the same records."""
    values = (part for each in query.conditions for part in each.value.split("|"))
    personal = not user.sees_all_records or any(each.strip().lower() == "me" for each in values)
    return module.key, query, user.zone, user.id if personal else None, number
