"""The selection bar: how much is selected, and what can be done with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from massadmin.auth.models import User
from massadmin.records.filters import BadFilter, Query
from massadmin.records.modules import Module
from massadmin.records.selection import Selection, count_selected
from massadmin.runs.action import Action, listed_actions
from massadmin.web.records.view import ListView

# What stands in the bar itself, where it may be used; everything else is in its menu.
FIRST = ("export", "add_tags", "delete", "restore")
NOT_ALLOWED = "Your role does not allow this"


@dataclass(frozen=True)
class Offer:
    """One action of the bar; `why` says why it cannot be used, and is empty when it can."""

    action: Action
    why: str = ""


@dataclass(frozen=True)
class Bar:
    """What the bar shows: `count` records, None while they are being counted. `matching` is
    everything the filters find, `excluded` of it unticked; `page` is whether the whole page is
    ticked, `check` what its ticks are to become."""

    count: int | None = 0
    matching: bool = False
    excluded: int = 0
    page: bool = False
    check: str = ""

    @property
    def shown(self) -> bool:
        """Whether anything was selected; else the filters stand there."""
        return self.matching or bool(self.count)


def bar_of(view: ListView) -> Bar:
    """The bar of a list that is about to be shown."""
    if view.selection is None:
        return Bar()
    return bar(view, view.selection, [record["id"] for record in view.page.records])


def bar(
    view: ListView,
    selection: Selection,
    on_page: list[int],
    check: str = "",
    total: int | None = None,
) -> Bar:
    """The bar of a selection.

    Args:
        on_page: the ids that the page shows.
        total: what all that match were counted to be a moment ago, so that each exception to a
            million need not count them again; what is confirmed in the end is counted anew.
    """
    if selection.mode == "ids" and not selection.ids:
        return Bar(check=check)
    try:
        count = _count(view, selection, total)
    except BadFilter:
        return Bar(check="none")  # a field of its filter was deleted since
    return Bar(
        count=count,
        matching=selection.mode == "matching",
        excluded=len(selection.excluded),
        page=bool(on_page) and all(selection.holds(each) for each in on_page),
        check=check,
    )


def _count(view: ListView, selection: Selection, total: int | None) -> int | None:
    if selection.mode == "ids" or Query.from_json(selection.query) != view.query:
        return count_selected(selection, view.module, view.user)
    if total is None:
        total = view.count_all()
    return None if total is None else max(0, total - len(selection.excluded))


def offers(view: ListView) -> tuple[list[Offer], list[Offer]]:
    """The actions in the bar, then those in its menu with the reason where one cannot be used."""
    found = {offer.action.key: offer for offer in _offers(view.module, view.user, view.trash)}
    first = [found[key] for key in FIRST if key in found and not found[key].why]
    rest = [offer for offer in found.values() if offer not in first]
    return first, rest


def record_offers(module: Module, user: User, *, trash: bool = False) -> list[Offer]:
    """The actions on the page of one record, those with a word to type last."""
    found = list(_offers(module, user, trash))
    return sorted(found, key=lambda offer: bool(offer.action.confirm_word))


def _offers(module: Module, user: User, trash: bool) -> Iterator[Offer]:
    for action in listed_actions(module, trash=trash):
        allowed = user.can(f"{module.key}.{action.permission}")
        yield Offer(action, "" if allowed else NOT_ALLOWED)
