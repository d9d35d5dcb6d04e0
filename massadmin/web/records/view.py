"""A list as a page shows it: the records its address finds, their number, and what is selected.

The token of the selection travels in a header, so that it never stands in a link.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Self

from flask import request

from massadmin.extensions import db
from massadmin.records.fields import Field
from massadmin.records.filters import BadFilter, Query
from massadmin.records.listing import ListPage, count_up_to, counting, list_page, shown_fields
from massadmin.records.modules import Module
from massadmin.records.selection import Selection, UnknownSelection, find_selection, follow
from massadmin.records.smart_lists import SmartList, lists_for
from massadmin.records.values import whole_number
from massadmin.runs.history import last_end
from massadmin.web.records.address import ListAddress
from massadmin.web.records.counting import PATIENCE, Counting
from massadmin.web.records.counts import Counts, key_of
from massadmin.web.records.people import me, user_names
from massadmin.web.records.tokens import Token, tokens

# Counting further would hold up the page; the rest is counted after it has been shown.
COUNTED = 10_000
COUNTS = Counts()
COUNTING = Counting()


@dataclass(frozen=True)
class Total:
    """How many records a list finds: `count`, or more than `COUNTED` when not `exact`."""

    count: int
    exact: bool = True

    @classmethod
    def up_to(cls, found: int) -> Self:
        """`found` as far as pages say numbers exactly."""
        return cls(min(found, COUNTED + 1), exact=found <= COUNTED)

    def __str__(self) -> str:
        return f"{self.count:,}" if self.exact else f"{COUNTED:,}+"


@dataclass
class ListView(ListAddress):
    """A list, and once loaded the page of it."""

    page: ListPage = field(default_factory=lambda: ListPage([], None, None))
    total: Total = field(default_factory=lambda: Total(0))

    def load(self) -> Self:
        """Fetch the page and count what is found, up to `COUNTED`."""
        if self.error:
            return self
        try:
            self.page = list_page(
                self.module,
                self.query,
                self.user,
                sort=self.sort,
                size=self.size,
                after=self.args.get("after"),
                before=self.args.get("before"),
            )
            moved = self.args.get("after") or self.args.get("before")
            whole = not moved and not self.page.after
            known = len(self.page.records) if whole else self.page.total
            self.total = self.count() if known is None else Total.up_to(known)
        except BadFilter as error:
            self.error = str(error)
        return self

    def count(self) -> Total:
        """How many records the filters find, up to `COUNTED`.

        Raises:
            BadFilter: they cannot be understood.
        """
        key = key_of(self.module, self.query, self.user)
        if COUNTS.exceeds(key, COUNTED):
            return Total(COUNTED + 1, exact=False)
        found = count_up_to(self.module, self.query, self.user, COUNTED)
        if found > COUNTED:
            COUNTS.note_some(key, found)
        return Total.up_to(found)

    def count_all(self) -> int | None:
        """How many records the filters find, all of them; None while they are still being counted
        after `PATIENCE` seconds.

        Raises:
            BadFilter: they cannot be understood.
        """
        key, ended = key_of(self.module, self.query, self.user), last_end()
        known = COUNTS.whole(key, ended)
        if known is not None and known > COUNTED:
            return known
        statement = counting(self.module, self.query, self.user)
        # A small number is noted too: what was seen to exceed it does so no more.
        note = partial(COUNTS.note_all, key, ended=ended)
        # Of what is in the trash, no number follows.
        patience = None if self.trash else PATIENCE
        return COUNTING.number((key, ended), db.engine, statement, note, patience)

    # --- what is shown -----------------------------------------------------------------------

    @property
    def first(self) -> int:
        """The place of the first record shown, as the address has it; 1 on the first page."""
        moved = self.args.get("after") or (self.args.get("before") and self.page.before)
        return (whole_number(self.args.get("from", "")) or 1) if moved else 1

    @property
    def last(self) -> int:
        """The place of the last record shown."""
        return self.first + len(self.page.records) - 1

    @property
    def status(self) -> int:
        """The HTTP status: a list that cannot be shown is unprocessable."""
        return 422 if self.error else 200

    @property
    def filtered(self) -> bool:
        """Whether anything narrows the list down."""
        return bool(self.conditions or self.query.q or self.query.deleted_run is not None)

    @property
    def changed(self) -> bool:
        """Whether a smart list is shown otherwise than it was saved."""
        saved = self.smart_list
        if saved is None or self.error:
            return False
        return Query.from_json(saved.query) != self.query or saved.sort != self.sort.to_text()

    def tokens(self) -> list[Token]:
        """The conditions as the filter bar shows them."""
        return tokens(self.module, self.conditions, self.names)

    @cached_property
    def columns(self) -> list[Field]:
        """The columns: those of the smart list, else those the user chose, else the module's."""
        chosen = self.user.preference(self.columns_key)
        if chosen is None and self.smart_list:
            chosen = self.smart_list.columns
        return shown_fields(self.module, chosen)

    @property
    def columns_key(self) -> str:
        """The preference that keeps the user's columns of this list."""
        key = f"columns.{self.module.key}"
        return f"{key}.{self.smart_list.id}" if self.smart_list else key

    @cached_property
    def smart_lists(self) -> list[SmartList]:
        """The smart lists that stand above it."""
        return [] if self.trash else lists_for(self.user, self.module)

    @cached_property
    def names(self) -> dict[int, str]:
        """Everybody's name by id."""
        return user_names()

    @property
    def next(self) -> str:
        """The address of the next page, or nothing."""
        if not self.page.after:
            return ""
        return self.url(**{"after": self.page.after, "from": str(self.last + 1)})

    @property
    def previous(self) -> str:
        """The address of the page before, or nothing."""
        if not self.page.before:
            return ""
        first = max(1, self.first - self.size)
        return self.url(**{"before": self.page.before, "from": str(first)})

    # --- what is selected --------------------------------------------------------------------

    @cached_property
    def token(self) -> str:
        """The page's selection: the one it brought along, else the name of one to come."""
        given = request.headers.get("X-Selection", "")
        try:
            return str(uuid.UUID(given))
        except ValueError:
            return str(uuid.uuid4())

    @cached_property
    def selection(self) -> Selection | None:
        """What is selected under the token, or None when nothing was ticked yet.

        “All matching” is dropped here once the filter is not the one it was taken under.
        """
        if "X-Selection" not in request.headers:
            return None
        try:
            found = find_selection(self.token, self.user, self.module, for_change=True)
        except UnknownSelection:
            return None
        if not self.error:
            follow(found, self.query)
        db.session.commit()
        return found

    def ticked(self, record_id: int) -> bool:
        """Whether a row is ticked."""
        return self.selection is not None and self.selection.holds(record_id)


def current_view(module: Module, *, trash: bool = False) -> ListView:
    """The list that the address of this request describes."""
    return ListView.read(module, me(), request.args, trash=trash)
