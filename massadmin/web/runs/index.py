"""The history of bulk actions, and the poll that keeps its cells true."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask import make_response, render_template, request, url_for
from sqlalchemy import select
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.filters import BadFilter
from massadmin.records.listing import EXACT_COUNT, PAGE_SIZES
from massadmin.records.paging import Page
from massadmin.records.values import whole_number
from massadmin.runs.control import visible_runs
from massadmin.runs.history import (
    PRESETS,
    TALLIES,
    History,
    active_runs,
    count_runs,
    list_runs,
    newer_than,
    types,
)
from massadmin.runs.models import Run
from massadmin.web.access import signed_in
from massadmin.web.answers import asked_by_htmx, fragments
from massadmin.web.runs import bp
from massadmin.web.runs.view import MOVING, RunView, person, user_names, views

DEFAULT_SIZE = 50
# More runs than a page holds are never asked about.
MOST_KNOWN = max(PAGE_SIZES)
# A run that stands still may be resumed by somebody else: looked at again, but not every moment.
QUICK, SLOW = "2s", "15s"
STATUSES = {
    "active": TALLIES["active"],
    "queued": "Queued",
    "running": "Running",
    "paused": "Paused",
    "holding": "Holding",
    "completed": "Completed",
    "with_errors": TALLIES["with_errors"],
    "cancelled": "Cancelled",
}


@dataclass
class HistoryView:
    """The history as its address describes it. `error` says why it cannot be shown."""

    user: User
    args: MultiDict[str, str]
    history: History = field(default_factory=History)
    size: int = DEFAULT_SIZE
    error: str = ""
    page: Page[Run] = field(default_factory=Page)
    total: int = 0

    @classmethod
    def read(cls, user: User, args: MultiDict[str, str]) -> HistoryView:
        """The history that `args` ask for; what they get wrong is said in `error`."""
        view = cls(user, args)
        per = whole_number(args.get("per", ""))
        if per in PAGE_SIZES:
            view.size = per
        try:
            view.history = History.from_args(args)
        except BadFilter as error:
            view.error = str(error)
        return view

    def load(self) -> HistoryView:
        """Fetch the page and count what is found."""
        if self.error:
            return self
        try:
            self.page = list_runs(
                self.history,
                self.user,
                size=self.size,
                after=self.args.get("after"),
                before=self.args.get("before"),
            )
            self.total = count_runs(self.history, self.user)
        except BadFilter as error:
            self.error = str(error)
        return self

    @property
    def found(self) -> str:
        """How many there are, in words."""
        return f"{self.total:,}" if self.total <= EXACT_COUNT else f"{EXACT_COUNT:,}+"

    @property
    def filtered(self) -> bool:
        return self.history != History()

    @property
    def on_first_page(self) -> bool:
        """Whether the newest runs are shown, so that new ones belong on top."""
        return not self.args.get("after") and not self.page.before

    @property
    def newest(self) -> int:
        """The newest run shown, or the newest there is when the list is empty."""
        if self.page.rows:
            return self.page.rows[0].id
        return int(db.session.scalar(select(Run.id).order_by(Run.id.desc()).limit(1)) or 0)

    def url(self, **changes: Any) -> str:
        """The address of the history with its filters, from the first page."""
        per = str(self.size) if self.size != DEFAULT_SIZE else ""
        pairs = [*self.history.to_args(), *{"per": per, **changes}.items()]
        kept = [(name, value) for name, value in pairs if value]
        return url_for("runs.index") + ("?" + urlencode(kept) if kept else "")

    @property
    def next(self) -> str:
        """The address of the next page, or nothing."""
        if not self.page.after:
            return ""
        return self.url(after=self.page.after, from_row=str(self.last + 1))

    @property
    def previous(self) -> str:
        """The address of the page before, or nothing."""
        if not self.page.before:
            return ""
        first = max(1, self.first - self.size)
        return self.url(before=self.page.before, from_row=str(first))

    @property
    def first(self) -> int:
        """The place of the first run shown, as the address has it; 1 on the first page."""
        moved = self.args.get("after") or (self.args.get("before") and self.page.before)
        return (whole_number(self.args.get("from_row", "")) or 1) if moved else 1

    @property
    def last(self) -> int:
        return self.first + len(self.page.rows) - 1


@bp.get("")
@signed_in
def index() -> Response:
    """The page; for htmx the table and what its filters change around it."""
    view = HistoryView.read(person(), request.args).load()
    shown = views(view.page.rows, view.user)
    name = "runs/_list.html" if asked_by_htmx() else "runs/index.html"
    html = render_template(
        name,
        view=view,
        runs=shown,
        poll=_poll(shown, view.newest if view.on_first_page else 0, view.history),
        fragment=asked_by_htmx(),
        drawn=uuid.uuid4().hex[:16],
        presets=PRESETS,
        statuses=STATUSES,
        types=types(),
        people=user_names() if view.user.can("runs.view_all") else {},
    )
    return make_response(html, 422 if view.error else 200)


@bp.get("/live")
@signed_in
def live() -> Response:
    """The poll: cells of the runs that the page shows under way."""
    return live_answer(request.args)


def live_answer(
    args: MultiDict[str, str], *, touched: Iterable[int] = (), status: int = 200
) -> Response:
    """The poller anew, and the cells of those runs that `args` say were under way, and of those
    that were `touched` just now."""
    user = person()
    known = _known(args.getlist("known"))
    for run_id in touched:
        known.setdefault(run_id, ("", 0))
    runs = db.session.scalars(
        select(Run)
        .where(Run.id.in_(known), visible_runs(user))
        .order_by(Run.id.desc())
        .execution_options(populate_existing=True)
    )
    shown = views(runs, user)
    try:
        history = History.from_args(args)
    except BadFilter:
        history = History()
    since_id = whole_number(args.get("since", "")) or 0
    newer = newer_than(since_id, history, user) if since_id else 0
    said = [each.milestone(*known[each.id]) for each in shown]
    html = render_template(
        "runs/_live.html",
        runs=shown,
        changed={each.id for each in shown if each.state != known[each.id][0]},
        newer=newer,
        show_url=HistoryView(user, args, history).url(),
        poll=_poll(shown, since_id, history, newer),
        announce=" ".join(each for each in said if each),
        active=active_runs(user),
        drawn=uuid.uuid4().hex[:16],
    )
    return fragments(html, status=status)


@dataclass(frozen=True)
class Poll:
    """The next poll of the list: whether and how often, and what the page knows by then."""

    on: bool
    every: str
    fields: list[tuple[str, str]]

    @property
    def url(self) -> str:
        return url_for("runs.live") + "?" + urlencode(self.fields)


def _poll(shown: Iterable[RunView], since: int, history: History, newer: int = 0) -> Poll:
    shown = list(shown)
    active = [each for each in shown if each.active]
    moving = newer or any(each.state in MOVING for each in active)
    fields = [("known", each.known) for each in active]
    fields += [("since", str(since))] if since else []
    return Poll(
        on=bool(active or newer),
        every=QUICK if moving else SLOW,
        fields=[*fields, *history.to_args()],
    )


def _known(texts: Iterable[str]) -> dict[int, tuple[str, int]]:
    """`id:state:quarter` of each run that a page shows; what is malformed is left out."""
    found: dict[int, tuple[str, int]] = {}
    for text in texts:
        first, _, rest = text.partition(":")
        state, _, quarter = rest.partition(":")
        run_id = whole_number(first)
        if run_id is not None and len(found) < MOST_KNOWN:
            found[run_id] = (state, whole_number(quarter) or 0)
    return found
