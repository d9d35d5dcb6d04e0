"""Results of one run: those that a person asks for, a page at a time, with the records' names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.filter_sql import matches_words
from massadmin.records.filters import MAX_SEARCH_CHARS, BadFilter
from massadmin.records.listing import EXACT_COUNT, title
from massadmin.records.modules import Module
from massadmin.records.paging import Page, page_by_id
from massadmin.records.values import whole_number
from massadmin.runs import reasons
from massadmin.runs.history import Arguments
from massadmin.runs.models import OUTCOMES, Run, RunResult

PAGE_SIZE = 50
# Rows fetched at a time where all of them are asked for.
STEP = 2_000
# What a record may be called by, besides the fields of its module's title.
_CALLED_BY = ("email", "phone", "company_name")
# What a result is known by.
KEY = tuple_(RunResult.run_id, RunResult.item)

Place = Literal["live", "trash", "gone", "hidden"]


@dataclass(frozen=True)
class Results:
    """Which results are asked for: of one outcome, with one reason, of records whose name, e-mail
    or number has words that begin with those of `q`. A number in `q` is also an id, or the line of
    an imported file. `changed` asks for those that changed fields or tags."""

    outcome: str = ""
    reason: str = ""
    q: str = ""
    changed: bool = False

    @classmethod
    def from_args(cls, args: Arguments, *, changed: bool = False) -> Results:
        """Read the arguments `outcome`, `reason` and `q`.

        Raises:
            BadFilter: one of them cannot be understood.
        """
        outcome, reason, q = (args.get(name, "") for name in ("outcome", "reason", "q"))
        if outcome and outcome not in OUTCOMES:
            raise BadFilter(f"“{outcome[:40]}” is no outcome; it is one of {', '.join(OUTCOMES)}.")
        if len(q) > MAX_SEARCH_CHARS or "\x00" in q + reason:
            raise BadFilter(f"Search for at most {MAX_SEARCH_CHARS} characters, none of them NUL.")
        return cls(outcome, reason, q.strip(), changed)

    def to_args(self, **changes: str) -> dict[str, str]:
        """URL arguments that `from_args` reads back; `changes` replace some of them."""
        named = {"outcome": self.outcome, "reason": self.reason, "q": self.q, **changes}
        return {name: value for name, value in named.items() if value}

    def where(self, run: Run, module: Module, user: User) -> ColumnElement[bool]:
        """The clause that selects these results among those that `user` may see."""
        clauses: list[ColumnElement[bool]] = [RunResult.run_id == run.id, *visible(module, user)]
        if self.outcome:
            clauses.append(RunResult.outcome == _constant(self.outcome))
        if self.reason:
            clauses.append(reasons.is_reason(self.reason))
        if self.reason or self.outcome in ("skipped", "failed"):
            clauses.append(told())
        if self.changed:
            clauses += [
                RunResult.outcome == _constant("succeeded"),
                or_(RunResult.before.is_not(None), RunResult.after.is_not(None)),
            ]
        if self.q:
            clauses.append(self._called(run, module, user))
        return and_(*clauses)

    def _called(self, run: Run, module: Module, user: User) -> ColumnElement[bool]:
        table = module.table
        named = select(table.c.id).where(matches_words(module, self.q))
        if not user.sees_all_records:
            # Not said plainly: the index of owners would be read for each result, while the
            # statistics know of few of their records.
            named = named.where(func.coalesce(table.c.owner_id, 0) == user.id)
        keys = of_records(named, RunResult.run_id == run.id).subquery()
        # As an array they are found once, before anything is read in order; as IN (…) they may be
        # looked for anew for every result.
        found = RunResult.item == func.any(func.array(select(keys.c.item).scalar_subquery()))
        known = whole_number(self.q)
        return found if known is None else or_(found, RunResult.item == known)


@dataclass(frozen=True)
class Named:
    """A record as a person may see it: `place` is whether it is live, in the trash, gone, or not
    theirs to see; a record of the last two kinds has no name. `values` are those it is known by,
    by field key."""

    name: str
    place: Place
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One result, with its record."""

    item: int
    record_id: int | None
    outcome: str
    reason: str
    before: dict[str, Any]
    after: dict[str, Any]
    record: Named


def list_results(
    run: Run,
    results: Results,
    module: Module,
    user: User,
    *,
    size: int = PAGE_SIZE,
    after: str | None = None,
    before: str | None = None,
) -> Page[Row]:
    """The page of at most `size` results behind `after`, or in front of `before`.

    Raises:
        BadFilter: a token cannot be understood.
    """
    found = select(RunResult).where(results.where(run, module, user))
    page = page_by_id(found, RunResult.item, size=size, after=after, before=before)
    return Page(named(page.rows, module, user), page.before, page.after)


def every_result(run: Run, results: Results, module: Module, user: User) -> Iterator[Row]:
    """All these results, fetched some at a time, so that no snapshot is held while somebody
    downloads them."""
    after: str | None = "0"
    while after is not None:
        page = list_results(run, results, module, user, size=STEP, after=after)
        yield from page.rows
        after = page.after
        db.session.rollback()


def count_results(
    run: Run, results: Results, module: Module, user: User, limit: int = EXACT_COUNT
) -> int:
    """How many there are, counted no further than `limit + 1`."""
    found = select(RunResult.item).where(results.where(run, module, user)).limit(limit + 1)
    return db.session.scalar(select(func.count()).select_from(found.subquery())) or 0


def of_records(
    records: Select[int] | Sequence[int], of_runs: ColumnElement[bool]
) -> CompoundSelect[int, int]:
    """Selects the keys (run_id, item) of the results of these records, in the runs that the clause
    `of_runs` selects.

    Where a record stood in the chunk itself the key is enough, of which PostgreSQL looks into each
    run once; the others have an index of their own.
    """
    keys = select(RunResult.run_id, RunResult.item).where(of_runs)
    own = keys.where(RunResult.item.in_(records), RunResult.record_id == RunResult.item)
    others = keys.where(RunResult.record_id.in_(records), RunResult.record_id != RunResult.item)
    return own.union_all(others)


def visible(module: Module, user: User) -> list[ColumnElement[bool]]:
    """Clauses that select the results that `user` may see, of runs that they may: those of records
    that are theirs by now, and of none, such as a line of a file that was refused.

    Each record is looked up by its key: as NOT EXISTS it becomes a join of all with all.
    """
    if user.sees_all_records:
        return []
    table = module.table
    others = (
        select(table.c.owner_id.is_distinct_from(user.id))
        .where(table.c.id == RunResult.record_id)
        .correlate(RunResult)
        .scalar_subquery()
    )
    return [others.is_not(True)]


def reasons_told(run: Run, module: Module, user: User) -> list[tuple[str, str, int]]:
    """Why records were skipped or failed, or what is to be said of a success: (outcome, reason,
    count), most frequent first. Plain successes are not read, however many they are; the others
    are counted one by one, which takes a second for a million."""
    least, most = func.min(RunResult.reason), func.max(RunResult.reason)
    rows = db.session.execute(
        select(RunResult.outcome, least, most, func.count())
        .where(
            RunResult.run_id == run.id,
            told(),
            RunResult.reason.is_not(None),
            *visible(module, user),
        )
        .group_by(RunResult.outcome, reasons.kind())
        .order_by(func.count().desc(), RunResult.outcome, least)
    )
    return [(row[0], reasons.named(row[1] or "", row[2]), row[3]) for row in rows if row[2]]


def any_noted(run: Run) -> bool:
    """Whether something is to be said of a success, such as a cell that was left out."""
    noted = select(RunResult.item).where(
        RunResult.run_id == run.id, RunResult.outcome == _constant("succeeded"), told()
    )
    return db.session.scalar(noted.limit(1)) is not None


def told() -> ColumnElement[bool]:
    """The condition of the index of results that have something to tell, word for word."""
    return or_(RunResult.outcome != _constant("succeeded"), RunResult.reason.is_not(None))


def named(found: Iterable[RunResult], module: Module, user: User) -> list[Row]:
    """Results with their records."""
    found = list(found)
    names = record_names(
        module, [each.record_id for each in found if each.record_id is not None], user
    )
    gone = Named("", "gone")
    return [
        Row(
            each.item,
            each.record_id,
            each.outcome,
            each.reason or "",
            each.before or {},
            each.after or {},
            names.get(each.record_id, gone) if each.record_id is not None else gone,
        )
        for each in found
    ]


def record_names(module: Module, ids: Iterable[int], user: User) -> dict[int, Named]:
    """What the records of these ids are called; those that do not exist any more are left out."""
    table, keys = module.table, called_by(module)
    columns = [table.c[key] for key in ("id", "owner_id", "deleted_at", *keys)]
    rows = db.session.execute(select(*columns).where(table.c.id.in_(set(ids)))).mappings()
    names: dict[int, Named] = {}
    for row in rows:
        if not user.sees_all_records and row["owner_id"] != user.id:
            names[row["id"]] = Named("", "hidden")
        else:
            place: Place = "live" if row["deleted_at"] is None else "trash"
            values = {key: row[key] for key in keys if row[key]}
            names[row["id"]] = Named(title(module, dict(row)), place, values)
    return names


def called_by(module: Module) -> list[str]:
    """The keys of the fields that people know a record by."""
    keys = dict.fromkeys((*module.title, *_CALLED_BY))
    return [key for key in keys if key in module.table.c]


def _constant(outcome: str) -> ColumnElement[Any]:
    """An outcome written into the SQL: the planner must see that the condition implies that of an
    index. Only ever one of `OUTCOMES`."""
    if outcome not in OUTCOMES:
        raise BadFilter(f"{outcome!r} is no outcome.")
    return literal_column(f"'{outcome}'::outcome")
