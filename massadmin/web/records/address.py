"""Addresses of lists: filters, order and size read from one, and written into the next.

Lists of live records and of the trash are addressed by the same class; the address holds all
state but the selection.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

from flask import url_for
from werkzeug.datastructures import MultiDict

from massadmin.auth.models import User
from massadmin.records.fields import Field
from massadmin.records.filter_sql import where
from massadmin.records.filters import BadFilter, Condition, Query
from massadmin.records.listing import PAGE_SIZES, Sort
from massadmin.records.modules import Module
from massadmin.records.smart_lists import SmartList, find_list
from massadmin.records.values import MAX_SHORT_ID, whole_number

DEFAULT_SORT = "-created_at"
TRASH_SORT = "-deleted_at"
DEFAULT_SIZE = 50
# The parts of an address that say which records are asked for; any of them replaces those that a
# smart list saved.
FILTER_ARGS = ("f", "match", "q", "sort")


@dataclass
class ListAddress:
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

    @classmethod
    def read(
        cls, module: Module, user: User, args: MultiDict[str, str], *, trash: bool = False
    ) -> Self:
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

    @property
    def default_sort(self) -> str:
        """The order of the list when its address names none."""
        if self.smart_list:
            return self.smart_list.sort
        return TRASH_SORT if self.trash else DEFAULT_SORT

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


def parsed(query_string: str) -> MultiDict[str, str]:
    """The arguments in a query string."""
    return MultiDict(parse_qsl(query_string, keep_blank_values=True))


def state_of(arguments: MultiDict[str, str]) -> MultiDict[str, str]:
    """The state of a list that a form hands on as one argument, `at`."""
    return parsed(arguments.get("at", ""))
