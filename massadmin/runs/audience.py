"""Audiences: whom a run is for, as one SELECT of ids and in words."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.filter_sql import visible, where
from massadmin.records.filters import Query
from massadmin.records.modules import Module
from massadmin.records.selection import Selection, selected_ids
from massadmin.records.tags import Tag
from massadmin.runs.models import Run, RunResult


@dataclass(frozen=True)
class Audience:
    """The ids a run will work on: `ids` is a SELECT of one column. `stored` is its JSON form,
    kept with the run to show what was selected. `named` are the ids that somebody picked one by
    one, taken in or left out, in order. `size` is how many there are where that cannot change."""

    ids: Select[Any]
    words: str
    stored: dict[str, Any] = field(default_factory=dict)
    named: Sequence[int] = ()
    size: int | None = None

    @property
    def asked(self) -> str:
        """What was asked for, to tell it from anything else: two audiences of as many ids are not
        the same. It does not change with what became of the records since."""
        named = hashlib.sha256(array("q", self.named).tobytes()).hexdigest()
        return json.dumps([self.words, self.stored, named], sort_keys=True)

    def count(self) -> int:
        """How many there are now."""
        if self.size is not None:
            return self.size
        return db.session.scalar(select(func.count()).select_from(self.ids.subquery())) or 0


def of_selection(selection: Selection, module: Module, user: User) -> Audience:
    """What the user ticked."""
    ids = selected_ids(selection, module, user)
    if selection.mode == "matching":
        query = Query.from_json(selection.query)
        words = query.describe(module)
        if selection.excluded:
            words += f", except {len(selection.excluded):,}"
        stored = {"filter": selection.query, "excluded": selection.excluded[:1_000]}
        return Audience(ids, words, stored, selection.excluded)
    return Audience(ids, f"{len(selection.ids):,} ticked by hand", named=selection.ids)


def of_query(query: Query, module: Module, user: User) -> Audience:
    """Everything that matches a query."""
    return Audience(
        select(module.table.c.id).where(where(module, query, user)),
        query.describe(module),
        {"filter": query.to_json()},
    )


def of_ids(ids: Iterable[int], module: Module, user: User, *, trash: bool = False) -> Audience:
    """Records named by id, as far as the user may see them."""
    wanted = sorted(set(ids))
    given = bindparam(None, wanted, type_=ARRAY(BigInteger), unique=True)
    return Audience(
        select(module.table.c.id).where(
            visible(module, user, trash=trash), module.table.c.id == func.any(given)
        ),
        f"{len(wanted):,} named by id",
        named=wanted,
    )


def of_results(run_id: int, outcome: str) -> Audience:
    """The items of an earlier run that had this outcome, without those that were dealt with since:
    successes that an undo took back, and failures that a retry made good."""
    items = select(RunResult.item).where(RunResult.run_id == run_id, RunResult.outcome == outcome)
    later = _undos(run_id) if outcome == "succeeded" else _retries(run_id)
    if later:
        done = aliased(RunResult)
        # Each is looked up in the key. As NOT EXISTS it becomes a join, and one of all with all
        # while the statistics have not heard of these runs.
        dealt_with = (
            select(done.item)
            .where(done.run_id.in_(later), done.item == RunResult.item, done.outcome == "succeeded")
            .limit(1)
            .correlate(RunResult)
            .scalar_subquery()
        )
        items = items.where(dealt_with.is_(None))
    return Audience(
        items,
        f"those that {outcome} in bulk action {run_id}",
        {"run": run_id, "outcome": outcome},
    )


def _undos(run_id: int) -> list[int]:
    return list(db.session.scalars(select(Run.id).where(Run.undo_of == run_id)))


def _retries(run_id: int) -> list[int]:
    """The runs that retried this one, and those that retried them in turn."""
    retries = select(Run.id).where(Run.retry_of == run_id).cte("retries", recursive=True)
    again = aliased(Run)
    retries = retries.union_all(select(again.id).join(retries, again.retry_of == retries.c.id))
    return list(db.session.scalars(select(retries.c.id)))


# Tags are looked for on the first this many records of an audience.
COUNTED_RECORDS = 10_000


def tags_among(audience: Audience, module: Module) -> list[tuple[str, int]]:
    """The tags on the (first `COUNTED_RECORDS`) records: (name, on how many), the commonest
    first."""
    first = audience.ids.limit(COUNTED_RECORDS).subquery()
    (record_id,) = first.c
    tags = module.tags
    # Those of each record are looked up in the key: the planner makes no join of what has an
    # offset, which would be one of all with all while the statistics have not heard of the tags.
    on_record = (
        select(tags.c.tag_id).where(tags.c[module.tags_record] == record_id).offset(0).lateral()
    )
    counted = (
        select(on_record.c.tag_id, func.count().label("records"))
        .select_from(first)
        .join(on_record, true())
        .group_by(on_record.c.tag_id)
        .subquery()
    )
    rows = db.session.execute(
        select(Tag.name, counted.c.records)
        .join(counted, counted.c.tag_id == Tag.id)
        .order_by(counted.c.records.desc(), Tag.name)
    )
    return [(row[0], row[1]) for row in rows]
