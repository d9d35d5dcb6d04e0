"""History: which runs a person asks for, and a page of them at a time.

A `History` round-trips through URL arguments, such as
`?when=7d&status=with_errors&type=add_tags&user=3&q=spring`; the command line asks the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, literal, or_, select

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.filters import MAX_SEARCH_CHARS, BadFilter
from massadmin.records.listing import EXACT_COUNT
from massadmin.records.paging import Page, page_by_id
from massadmin.records.values import MAX_SHORT_ID, whole_number
from massadmin.runs.action import REGISTRY
from massadmin.runs.control import visible_runs
from massadmin.runs.models import Run
from massadmin.runs.states import ACTIVE, STATES

PRESETS = {
    "all": "Any time",
    "today": "Today",
    "7d": "Last 7 days",
    "30d": "Last 30 days",
    "custom": "Custom dates",
}
# How many days each preset reaches back, today included.
_DAYS = {"today": 1, "7d": 7, "30d": 30}
# Hardly a run that is older than so many others is still to end.
NEWEST = 100
# What can be asked for besides the states themselves.
TALLIES = {"active": "Under way", "with_errors": "Completed with errors"}


class Arguments(Protocol):
    """What `from_args` reads: werkzeug's MultiDict, or a plain dict."""

    def get(self, key: str, default: str) -> str:
        """The value of `key`."""


@dataclass(frozen=True)
class History:
    """What is asked for. `since` and `until` are days, both included, in the asker's zone, and
    only used by `when="custom"`; `user` is an id or an e-mail address; `q` is sought in names,
    and a number is also a run's own."""

    when: str = "all"
    since: date | None = None
    until: date | None = None
    status: str = ""
    type: str = ""
    user: str = ""
    q: str = ""

    @classmethod
    def from_args(cls, args: Arguments) -> History:
        """Read the arguments `when`, `from`, `to`, `status`, `type`, `user` and `q`.

        Raises:
            BadFilter: one of them cannot be understood.
        """
        given = {
            name: args.get(name, "").strip()
            for name in ("when", "from", "to", "status", "type", "user", "q")
        }
        since, until = _day(given["from"]), _day(given["to"])
        when = given["when"] or ("custom" if since or until else "all")
        if when not in PRESETS:
            raise BadFilter(f"“{when[:40]}” is no date range; it is one of {', '.join(PRESETS)}.")
        if given["status"] and given["status"] not in (*STATES, *TALLIES):
            raise BadFilter(f"“{given['status'][:40]}” is no status of a bulk action.")
        if len(given["q"]) > MAX_SEARCH_CHARS or "\x00" in "".join(given.values()):
            raise BadFilter(f"Search for at most {MAX_SEARCH_CHARS} characters, none of them NUL.")
        if when != "custom":
            since = until = None
        if since and until and since > until:
            raise BadFilter("The first day lies after the last one.")
        return cls(when, since, until, given["status"], given["type"], given["user"], given["q"])

    def to_args(self) -> list[tuple[str, str]]:
        """URL arguments that `from_args` reads back."""
        named = {
            "when": "" if self.when == "all" else self.when,
            "from": self.since.isoformat() if self.since else "",
            "to": self.until.isoformat() if self.until else "",
            "status": self.status,
            "type": self.type,
            "user": self.user,
            "q": self.q,
        }
        return [(name, value) for name, value in named.items() if value]

    def where(self, user: User) -> ColumnElement[bool]:
        """The clause that selects these runs among those that `user` may see."""
        clauses = [visible_runs(user), *self._times(ZoneInfo(user.zone))]
        if self.status == "active":
            clauses.append(Run.state.in_(sorted(ACTIVE)))
        elif self.status == "with_errors":
            clauses += [Run.state == "completed", Run.failed > 0]
        elif self.status:
            clauses.append(Run.state == self.status)
        if self.type:
            clauses.append(Run.action == self.type)
        if self.user:
            clauses.append(self._by())
        if self.q:
            named = Run.name.icontains(self.q, autoescape=True)
            known = whole_number(self.q.removeprefix("#"))
            clauses.append(named if known is None else or_(named, Run.id == known))
        return and_(*clauses)

    def _times(self, zone: ZoneInfo) -> list[ColumnElement[bool]]:
        first, last = self.since, self.until
        if self.when in _DAYS:
            first = datetime.now(zone).date() - timedelta(days=_DAYS[self.when] - 1)
        clauses: list[ColumnElement[bool]] = []
        if first:
            clauses.append(Run.created_at >= datetime.combine(first, time(), zone))
        if last and last < date.max:
            clauses.append(
                Run.created_at < datetime.combine(last + timedelta(days=1), time(), zone)
            )
        return clauses

    def _by(self) -> ColumnElement[bool]:
        if self.user.isdecimal():
            known = whole_number(self.user, MAX_SHORT_ID)
            return literal(False) if known is None else Run.user_id == known
        return Run.user_id.in_(
            select(User.id).where(func.lower(User.email) == self.user.casefold())
        )


def list_runs(
    history: History,
    user: User,
    *,
    size: int = 50,
    after: str | None = None,
    before: str | None = None,
) -> Page[Run]:
    """The page of at most `size` runs behind `after`, or in front of `before`; newest first.

    Raises:
        BadFilter: a token cannot be understood.
    """
    found = select(Run).where(_shown(history, user))
    return page_by_id(found, Run.id, size=size, after=after, before=before, newest_first=True)


def count_runs(history: History, user: User, limit: int = EXACT_COUNT) -> int:
    """How many runs are found, counted no further than `limit + 1`."""
    found = select(Run.id).where(_shown(history, user)).limit(limit + 1).subquery()
    return db.session.scalar(select(func.count()).select_from(found)) or 0


def newer_than(run_id: int, history: History, user: User) -> int:
    """How many such runs were started after run `run_id`."""
    newer = select(func.count()).where(Run.id > run_id, _shown(history, user))
    return db.session.scalar(newer) or 0


def _shown(history: History, user: User) -> ColumnElement[bool]:
    # Rehearsals have negative ids, and a run that is still being frozen is nobody's business yet.
    return and_(Run.id > 0, Run.state != "draft", history.where(user))


# Every page shows this number, and putting the question together takes longer than its answer.
_ACTIVE = select(func.count()).where(
    # The constant form of this condition is what the index of active runs is made for.
    Run.state.not_in(("completed", "cancelled", "failed")),
    Run.state != "draft",
)


def active_runs(user: User) -> int:
    """How many runs that `user` may see are under way."""
    statement = _ACTIVE if user.can("runs.view_all") else _ACTIVE.where(visible_runs(user))
    return db.session.scalar(statement) or 0


def last_end() -> datetime | None:
    """When one of the `NEWEST` bulk actions ended last: what was counted before may be less by now,
    or more, by many. One that goes on for days may end without being noticed here."""
    newest = select(Run.finished_at).order_by(Run.id.desc()).limit(NEWEST).subquery()
    return db.session.scalar(select(func.max(newest.c.finished_at)))


def types() -> list[tuple[str, str]]:
    """The kinds of run there are: (key, label), by label."""
    return sorted(((each.key, each.label) for each in REGISTRY.values()), key=lambda each: each[1])


def _day(raw: str) -> date | None:
    if not raw:
        return None
    try:
        return date.fromisoformat(raw)
    except ValueError as error:
        raise BadFilter(f"“{raw[:40]}” is no date, such as 2026-03-31.") from error
