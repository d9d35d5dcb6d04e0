"""Lists: the first page of some filters, and a page far behind, beside the least that must be."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import select

from bench.measuring import Bench, Row, at_most, measure, rows_of, seconds
from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.filters import Condition, Query
from massadmin.records.listing import (
    EXACT_COUNT,
    ListPage,
    Sort,
    count_up_to,
    list_page,
    record_columns,
)
from massadmin.records.modules import get_module

SIZE = 50
TIMES = 15  # each is over in milliseconds
NEWEST = Sort("created_at", descending=True)


def _reader(bench: Bench) -> User:
    """Who asks for the pages. A request knows that before it lists anything, so they are looked up
    before the clock starts, and kept although each page ends its transaction."""
    user = bench.user
    db.session.expunge(user)
    return user


def _page(reader: User, query: Query, **place: Any) -> ListPage:
    page = list_page(get_module("contacts"), query, reader, sort=NEWEST, size=SIZE, **place)
    db.session.rollback()
    return page


def _counted(reader: User, query: Query) -> None:
    page = _page(reader, query)
    if page.after and page.total is None:
        count_up_to(get_module("contacts"), query, reader, EXACT_COUNT)
        db.session.rollback()


def _by_key(ids: list[int]) -> None:
    module = get_module("contacts")
    db.session.execute(select(*record_columns(module)).where(module.table.c.id.in_(ids))).all()
    db.session.rollback()


def _medians(
    bench: Bench, ours: Callable[[], object], peer: Callable[[], object]
) -> tuple[list[float], list[float]]:
    for warm in (ours, peer):
        warm()

    def several(work: Callable[[], object]) -> Callable[[], float]:
        return lambda: statistics.median(seconds(work) for _ in range(TIMES))

    return bench.alternate(several(ours), several(peer), settled=False)


def _queries() -> dict[str, Query]:
    word, tag = rows_of(
        """
        SELECT (SELECT lower(left(first_name, 4)) FROM contacts GROUP BY 1
                ORDER BY count(*) DESC LIMIT 1),
               (SELECT name FROM tags JOIN contact_tags ON tag_id = id GROUP BY name
                ORDER BY count(*) OFFSET (SELECT count(*) / 2 FROM tags) LIMIT 1)
        """
    )[0]
    rare = rows_of("SELECT postal_code FROM contacts ORDER BY id LIMIT 1")[0][0]

    def of(*conditions: str, q: str = "") -> Query:
        return Query.build(tuple(map(Condition.from_text, conditions)), match="all", q=q)

    return {
        "no filter": of(),
        "a field": of("status:is:Customer"),
        "dates and a country": of("created_at:within_days:30", "country:is:DE"),
        "a tag": of(f"tags:has:{tag}"),
        "a word": of(q=word),
        "a tag and a word": of(f"tags:has:{tag}", q=word),
        "a rare value without an index": of(f"postal_code:is:{rare}"),
    }


@measure
def first_page(bench: Bench) -> list[Row]:
    """The first page of several filters, beside the same records by their primary key."""
    return _first_pages(bench, _page, "First page of {:,} contacts, by {}", 3)


@measure
def first_page_counted(bench: Bench) -> list[Row]:
    """The same pages with the number that stands above them, beside the same."""
    return _first_pages(bench, _counted, "First page and number of {:,} contacts, by {}", None)


def _first_pages(
    bench: Bench, ours: Callable[[User, Query], object], name: str, limit: float | None
) -> list[Row]:
    found = []
    reader = _reader(bench)
    bench.settle()
    for words, query in _queries().items():
        ids = [record["id"] for record in _page(reader, query).records]
        if len(ids) < SIZE:
            ids = [row[0] for row in rows_of("SELECT id FROM contacts LIMIT :n", n=SIZE)]
        took, peer = _medians(bench, partial(ours, reader, query), partial(_by_key, ids))
        said = f"{SIZE} contacts by primary key"
        found.append(at_most(name.format(bench.total, words), took, peer, limit, said))
    return found


@measure
def far_page(bench: Bench) -> list[Row]:
    """Page 10,000, beside page 1; half-way through when there are fewer."""
    number = min(10_000, bench.total // SIZE // 2)
    edge = rows_of(
        "SELECT id FROM contacts WHERE deleted_at IS NULL"
        " ORDER BY created_at DESC, id DESC OFFSET :n LIMIT 2",
        n=(number - 1) * SIZE - 1,
    )
    either = Query.build((Condition.from_text(f"id:one_of:{edge[0][0]}|{edge[1][0]}"),))
    reader = _reader(bench)
    before = list_page(get_module("contacts"), either, reader, sort=NEWEST, size=1)
    assert before.after is not None
    bench.settle()
    ours, peer = _medians(
        bench,
        lambda: _page(reader, Query(), after=before.after),
        lambda: _page(reader, Query()),
    )
    return [at_most(f"Page {number:,} of {bench.total:,} contacts", ours, peer, 1.5, "page 1")]
