"""The rows of a page are the same whichever way they are found, and rare ones are found soon."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records import page_rows
from massadmin.records.contacts import Contact
from massadmin.records.filter_sql import where
from massadmin.records.filters import BadFilter, Condition, Query
from massadmin.records.listing import ListPage, Sort, count_all, list_page
from massadmin.records.modules import CustomField
from massadmin.records.tags import ensure_tags
from tests.factories import a_user, contacts, run_action, some_contacts

pytestmark = pytest.mark.usefixtures("db_session")


def query(*conditions: str, **options: Any) -> Query:
    return Query.build(tuple(map(Condition.from_text, conditions)), **options)


@pytest.fixture
def member(db_session: object) -> User:
    """A member who owns one in four of 120 contacts; some are of Oslo, few of Bergen."""
    owner = a_user("member")
    db.session.add(CustomField(module="contacts", key="score", label="Score", type="number"))
    dice = random.Random(3)  # noqa: S311 - the same contacts in every run
    made: list[dict[str, Any]] = [
        {
            "last_name": dice.choice([None, "Å", "a", "B"]),
            "city": dice.choice(["Oslo", "Oslo", "Oslo", "Rome", "Rome", "Bergen"]),
            "owner_id": owner.id if number % 4 == 0 else None,
            "custom": {"score": number % 9},
            "created_at": datetime.now(UTC).replace(microsecond=0) - timedelta(dice.randrange(20)),
        }
        for number in range(120)
    ]
    db.session.execute(insert(Contact), made)
    db.session.commit()
    return owner


def near(monkeypatch: pytest.MonkeyPatch, number: int, further: int, promising: int) -> None:
    monkeypatch.setattr(page_rows, "NEAR", number)
    monkeypatch.setattr(page_rows, "FURTHER", further)
    monkeypatch.setattr(page_rows, "PROMISING", promising)


def walk(asked: Query, user: User, sort: str) -> list[list[int]]:
    """The ids of all pages, turned forth and then back, which must show the same."""
    order = Sort.parse(contacts(), sort)

    def turned(**place: Any) -> ListPage:
        return list_page(contacts(), asked, user, sort=order, size=20, **place)

    page = turned()
    pages = [[each["id"] for each in page.records]]
    while page.after:
        page = turned(after=page.after)
        pages.append([each["id"] for each in page.records])
    back = [pages[-1]]
    while page.before:
        page = turned(before=page.before)
        back.insert(0, [each["id"] for each in page.records])
    assert back == pages
    return pages


@pytest.mark.parametrize("sort", ["-created_at", "last_name"])
@pytest.mark.parametrize(
    "asked",
    [
        query("city:is:Oslo"),
        query("city:is:Bergen"),
        query("created_at:older_days:5", "city:is_not:Rome"),
        query("created_at:older_days:15", "city:is:Bergen", match="any"),
        query("tags:has:vip"),
        query("tags:empty:"),
        query("custom.score:gt:3", q="osl"),
    ],
)
def test_every_way_shows_the_same_pages(
    member: User, monkeypatch: pytest.MonkeyPatch, asked: Query, sort: str
) -> None:
    tag = ensure_tags(["vip"])["vip"]
    db.session.execute(
        text("INSERT INTO contact_tags SELECT id, :tag FROM contacts WHERE id % 5 = 0"),
        {"tag": tag},
    )
    db.session.commit()
    admin = a_user()
    for user in (admin, member):
        expected = db.session.scalars(
            select(Contact.id).where(where(contacts(), asked, user)).order_by(*_order(sort))
        ).all()
        ways = []
        for limits in ((10_000, 0, 0), (10, 60, 1), (10, 20, 8), (0, 0, 1)):
            near(monkeypatch, *limits)
            ways.append(walk(asked, user, sort))
        for pages in ways:
            assert [each for page in pages for each in page] == list(expected)


def _order(sort: str) -> list[Any]:
    key = contacts().field(sort.removeprefix("-")).sort_key(contacts().table)
    both = [key, Contact.id]
    return [each.desc() for each in both] if sort.startswith("-") else both


def test_what_had_to_be_found_to_the_last_was_counted_by_the_way(
    member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, order = a_user(), Sort("created_at", descending=True)
    oslo = query("city:is:Oslo")
    near(monkeypatch, 10, 20, 11)
    first = list_page(contacts(), oslo, admin, sort=order, size=20)
    assert first.total == count_all(contacts(), oslo, admin) > 20
    assert "_total" not in first.records[0]
    second = list_page(contacts(), oslo, admin, sort=order, size=20, after=first.after)
    assert second.total is None, "behind an edge not all are found"
    assert list_page(contacts(), query("city:is:Nowhere"), admin, sort=order).total == 0


def test_what_is_found_nearby_is_not_counted(member: User, monkeypatch: pytest.MonkeyPatch) -> None:
    admin, order = a_user(), Sort("created_at", descending=True)
    near(monkeypatch, 100, 100, 1)
    monkeypatch.setattr(page_rows, "_all_found", None)
    page = list_page(contacts(), query("city:is:Oslo"), admin, sort=order, size=5)
    assert (len(page.records), page.total) == (5, None)


def test_who_is_named_by_an_address_is_not_looked_for_in_the_order_of_the_list(
    member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, order = a_user(), Sort("created_at", descending=True)
    db.session.execute(insert(Contact), [{"email": "ann@example.com"}])
    near = page_rows._nearest
    monkeypatch.setattr(page_rows, "_nearest", None)
    page = list_page(contacts(), query("email:is:Ann@example.com"), admin, sort=order)
    assert [each["email"] for each in page.records] == ["ann@example.com"]
    monkeypatch.setattr(page_rows, "_nearest", near)
    either = query("email:is:ann@example.com", "city:is:Oslo", match="any")
    assert len(list_page(contacts(), either, admin, sort=order, size=100).records) > 20


@pytest.mark.parametrize(
    ("sort", "condition", "begins"),
    [
        ("created_at", "created_at:before:2026-01-01", True),
        ("id", "id:is:7", True),
        ("last_name", "last_name:is:Lee", False),
    ],
)
def test_only_what_an_index_can_begin_at_is_asked_before_the_nearest_are_taken(
    db_session: object, sort: str, condition: str, begins: bool
) -> None:
    module = contacts()
    asked = page_rows.Reading(
        module, query(condition), a_user(), module.field(sort), False, None, 51
    )
    inner = str(page_rows._nearest(asked, 100)).partition(") AS contacts_near")[0]
    assert (sort in inner.partition("IS NULL")[2].partition("ORDER BY")[0]) == begins


def test_the_trash_is_read_in_its_order(member: User, monkeypatch: pytest.MonkeyPatch) -> None:
    admin, trash = a_user(), contacts().in_trash()
    run_action("delete", admin, confirm="DELETE")
    near(monkeypatch, 10, 50, 1)
    asked, order = query("city:is:Oslo", trash=True), Sort("deleted_at", descending=True)
    page = list_page(trash, asked, admin, sort=order, size=30)
    assert {each["city"] for each in page.records} == {"Oslo"}
    assert len(page.records) == 30


def test_an_index_keeps_what_is_said_to_be_in_order(db_session: object) -> None:
    module = contacts()
    db.session.execute(text("SET LOCAL enable_seqscan = off"))
    for each, trash in [(field, False) for field in module.fields] + [
        (field, True) for field in module.in_trash().filterable if field not in module.fields
    ]:
        if not each.sortable:
            continue
        key, record_id = each.sort_key(module.table), module.table.c.id
        alive = module.table.c.deleted_at.is_not(None) if trash else text("true")
        ordered = select(record_id).where(alive).order_by(key, record_id).limit(10)
        assert each.in_order == ("Sort" not in _plan(ordered)), each.key


def test_few_records_are_asked_one_by_one_for_their_tags(db_session: object) -> None:
    ensure_tags(["vip"])
    some_contacts(3)
    user = a_user()
    for asked in ("tags:has:vip", "tags:has_not:vip", "tags:empty:"):
        joined = select(Contact.id).where(where(contacts(), query(asked), user))
        single = select(Contact.id).where(where(contacts(), query(asked), user, one_by_one=True))
        assert "SubPlan" not in _plan(joined)
        assert "SubPlan" in _plan(single)


def _plan(statement: Any) -> str:
    compiled = statement.compile(
        db.engine, compile_kwargs={"literal_binds": True, "render_postcompile": True}
    )
    lines = db.session.execute(text("EXPLAIN " + str(compiled).replace(":", "\\:")))
    return "\n".join(line for (line,) in lines)


def test_a_filter_that_cannot_be_understood_is_refused(db_session: object) -> None:
    admin = a_user()
    for asked in ("city:gt:Oslo", "nothing:is:Oslo"):
        with pytest.raises(BadFilter):
            list_page(contacts(), query(asked), admin, sort=Sort("created_at"))
