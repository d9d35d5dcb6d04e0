"""A list as its address describes it: filters, order, page, columns, and what is selected in it.

Lists of live records and of the trash are read by the same class; the address holds all state but
the selection, whose token travels in a header so that it never stands in a link.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import request, url_for
from flask_login import current_user
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.fields import Field
from massadmin.records.filter_sql import where
from massadmin.records.filters import BadFilter, Condition, Query
from massadmin.records.listing import (
    EXACT_COUNT,
    PAGE_SIZES,
    ListPage,
    Sort,
    count_up_to,
    list_page,
    shown_fields,
)
from massadmin.records.modules import Module
from massadmin.records.selection import Selection, UnknownSelection, find_selection, follow
from massadmin.records.smart_lists import SmartList, find_list
from massadmin.records.values import MAX_SHORT_ID, whole_number
from massadmin.web.records.tokens import Token, tokens

DEFAULT_SORT = "-created_at"
TRASH_SORT = "-deleted_at"
DEFAULT_SIZE = 50
# The parts of an address that say which records are asked for; any of them replaces those that a
# smart list saved.
FILTER_ARGS = ("f", "match", "q", "sort")


@dataclass(frozen=True)
class Total:
    """How many records a list finds: `count`, or more than `EXACT_COUNT` when not `exact`."""

    count: int
    exact: bool = True

    def __str__(self) -> str:
        return f"{self.count:,}" if self.exact else f"{EXACT_COUNT:,}+"


@dataclass
class ListView:
    """A list and the state of it that its address holds. `error` says why it cannot be shown."""

    module: Module
    user: User
    args: MultiDict[str, str]
    trash: bool = False
    query: Query = field(default_factory=Query)
    sort: Sort = field(default_factory=lambda: Sort("created_at", True))
    size: int = DEFAULT_SIZE
    smart_list: SmartList | None = None
    error: str = ""
    page: ListPage = field(default_factory=lambda: ListPage([], None, None))
    total: Total = field(default_factory=lambda: Total(0))

    @classmethod
    def read(
        cls, module: Module, user: User, args: MultiDict[str, str], *, trash: bool = False
    ) -> ListView:
        """The list that `args` describe; what they get wrong is said in `error`."""
        view = cls(module.in_trash() if trash else module, user, args, trash)
        saved = whole_number(args.get("list", ""), MAX_SHORT_ID)
        if saved is not None and not trash:
            found = find_list(saved, user)
            view.smart_list = found if found and found.module == module.key else None
        per = whole_number(args.get("per", ""))
        if per in PAGE_SIZES:
            view.size = per
        try:
            view._read_filters()
            where(module, view.query, user)  # compiled to see whether it can be
        except BadFilter as error:
            view.error = str(error)
        return view

    def _read_filters(self) -> None:
        smart_list = self.smart_list
        if smart_list and not any(name in self.args for name in FILTER_ARGS):
            self.query = Query.from_json(smart_list.query)
            self.sort = Sort.parse(self.module, smart_list.sort)
            return
        self.query = Query.from_args(self.args, trash=self.trash)
        given = self.args.get("sort") or self.default_sort
        self.sort = Sort.parse(self.module, given)

    def load(self) -> ListView:
        """Fetch the page and count what is found, up to `EXACT_COUNT`."""
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
            self.total = self.count()
        except BadFilter as error:
            self.error = str(error)
        return self

    def count(self) -> Total:
        """How many records the filters find, up to `EXACT_COUNT`.

        Raises:
            BadFilter: they cannot be understood.
        """
        found = count_up_to(self.module, self.query, self.user)
        return Total(found, exact=found <= EXACT_COUNT)

    @property
    def default_sort(self) -> str:
        """The order of the list when its address names none."""
        if self.smart_list:
            return self.smart_list.sort
        return TRASH_SORT if self.trash else DEFAULT_SORT

    # --- addresses ---------------------------------------------------------------------------

    @property
    def base(self) -> str:
        """The address of the list without any state."""
        if self.trash:
            return url_for("trash.index")
        return url_for("records.index", module=self.module.key)

    def pairs(self, **changes: Any) -> list[tuple[str, str]]:
        """The state as arguments, from the first page; `changes` replace some, None drops one.

        `f` is a list of conditions as text; the other arguments are text.
        """
        state: dict[str, Any] = {
            "list": str(self.smart_list.id) if self.smart_list else None,
            "f": [each.to_text() for each in self.conditions],
            "match": self.query.match if self.query.match != "all" or self.smart_list else None,
            "q": self.query.q or None,
            "run": str(self.query.deleted_run) if self.query.deleted_run is not None else None,
            "sort": self.sort.to_text(),
            "per": str(self.size),
            **changes,
        }
        usual = (("sort", self.default_sort), ("per", str(DEFAULT_SIZE)))
        pairs = [("f", each) for each in state.pop("f") or ()]
        for name, value in state.items():
            if value and (name, value) not in usual:
                pairs.append((name, value))
        return pairs

    def url(self, **changes: Any) -> str:
        """The address of the list with `changes`, from its first page."""
        pairs = self.pairs(**changes)
        return self.base + ("?" + urlencode(pairs) if pairs else "")

    def state(self) -> str:
        """The state as the query string of an address, for forms that hand it on."""
        return urlencode(self.pairs())

    def here(self) -> str:
        """The address of this very page."""
        moved = {name: self.args.get(name) for name in ("after", "before", "from")}
        return self.url(**moved)

    def without(self, place: int) -> str:
        """The address with one condition fewer."""
        rest = [each.to_text() for at, each in enumerate(self.conditions) if at != place]
        return self.url(f=rest, match=self._match(len(rest)))

    def with_condition(self, condition: Condition, place: int | None = None) -> str:
        """The address with one condition more, or with another in place of one."""
        texts = [each.to_text() for each in self.conditions]
        if place is not None and 0 <= place < len(texts):
            texts[place] = condition.to_text()
        elif condition.to_text() not in texts:
            texts.append(condition.to_text())
        return self.url(f=texts)

    def unfiltered(self) -> str:
        """The address with no conditions and no search."""
        return self.url(f=[], match=self._match(0), q=None, run=None)

    def _match(self, conditions: int) -> str | None:
        """An address of a smart list names `match`, so that no filter at all can be asked for."""
        if self.smart_list:
            return self.query.match
        return self.query.match if self.query.match == "any" and conditions else None

    def sorted_by(self, each: Field) -> str:
        """The address of the list ordered by a field; the other way round when it is already.

        Times begin with the newest, everything else with the first.
        """
        down = each.type in ("date", "datetime")
        if self.sort.field == each.key:
            down = not self.sort.descending
        return self.url(sort=Sort(each.key, down).to_text())

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

    @cached_property
    def conditions(self) -> list[Condition]:
        """The conditions, those of a list that cannot be shown as far as they can be read."""
        if self.query.conditions or not self.error:
            return list(self.query.conditions)
        found = []
        for text in self.args.getlist("f"):
            try:
                found.append(Condition.from_text(text))
            except BadFilter:
                continue
        return found

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
    def names(self) -> dict[int, str]:
        """Everybody's name by id."""
        return user_names()

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


def parsed(query_string: str) -> MultiDict[str, str]:
    """The arguments in a query string."""
    return MultiDict(parse_qsl(query_string, keep_blank_values=True))


def state_of(arguments: MultiDict[str, str]) -> MultiDict[str, str]:
    """The state of a list that a form hands on as one argument, `at`."""
    return parsed(arguments.get("at", ""))


def user_names(active: bool = False) -> dict[int, str]:
    """Names of everybody (or of those who are active) by id, in alphabetical order."""
    statement = select(User.id, User.name).order_by(User.name, User.id)
    if active:
        statement = statement.where(User.active)
    return {row.id: row.name for row in db.session.execute(statement)}


def me() -> User:
    """The person who is signed in."""
    return current_user._get_current_object()


def current_view(module: Module, *, trash: bool = False) -> ListView:
    """The list that the address of this request describes."""
    return ListView.read(module, me(), request.args, trash=trash)
