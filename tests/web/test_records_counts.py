"""Lists that hold many are not counted again for a minute; what somebody confirms always is."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.filters import Condition, Query
from massadmin.web.records import counts
from massadmin.web.records import view as lists
from massadmin.web.records.counts import Counts, key_of
from tests.factories import a_user, contacts, run_action, some_contacts
from tests.web.conftest import SignIn

pytestmark = pytest.mark.usefixtures("db_session")

ROME = Query((Condition("city", "is", "Rome"),))
MINE = Query((Condition("owner_id", "one_of", "7|Me "),))


def person(number: int, role: str = "admin", timezone: str = "UTC") -> User:
    return User(id=number, role=role, timezone=timezone, active=True)


@pytest.mark.parametrize(
    ("query", "other", "shared"),
    [
        (ROME, person(2), True),
        (ROME, person(2, timezone="Asia/Tokyo"), False),
        (ROME, person(2, role="member"), False),
        (MINE, person(2), False),
    ],
    ids=["the same list", "days begin elsewhere", "another's records", "me is somebody else"],
)
def test_it_is_known_to_those_who_see_the_same(query: Query, other: User, shared: bool) -> None:
    known, module = Counts(), contacts()
    key = key_of(module, query, person(1))
    known.note_some(key, 6)
    assert known.exceeds(key, 5)
    assert not known.exceeds(key, 6)
    assert not known.exceeds(key_of(module, Query(q="ann"), person(1)), 5)
    assert known.exceeds(key_of(module, query, other), 5) == shared


def test_what_was_counted_to_the_end_is_known_until_a_run_ends() -> None:
    known = Counts()
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    for ended, later in ((None, noon), (noon, noon + timedelta(seconds=1))):
        known.note_all("list", 70, ended)
        known.note_some("list", 6)
        assert known.whole("list", ended) == 70
        assert known.whole("list", later) is None
        assert known.exceeds("list", 69)
    known.note_some("list", 80)
    assert known.whole("list", noon) is None


def test_it_is_forgotten_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Counts()
    known.note_all("list", 6, None)
    then = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: then + counts.KEPT)
    assert not known.exceeds("list", 5)
    assert known.whole("list", None) is None


def test_no_more_are_kept_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "MOST", 3)
    known = Counts()
    for number in range(4):
        known.note_some(number, 6)
    assert [known.exceeds(number, 5) for number in range(4)] == [False, False, False, True]


def test_a_list_is_counted_to_its_limit_once(
    signed_in: SignIn, monkeypatch: pytest.MonkeyPatch, counted_up_to: Callable[[int], None]
) -> None:
    """What holds plenty is counted once for all its pages; what does not, every time."""
    some_contacts(60, city="Rome")
    some_contacts(30, city="Oslo")
    counted: list[Query] = []

    def count(module: object, query: Query, user: object, limit: int) -> int:
        counted.append(query)
        return 60 if "Rome" in str(query) else 30

    counted_up_to(50)
    monkeypatch.setattr(lists, "count_up_to", count)
    browser: FlaskClient = signed_in()
    for city, said, times in (("Rome", "50+", 1), ("Oslo", "30", 2)):
        counted.clear()
        for more in ("", "&sort=email"):
            page = browser.get(f"/contacts?f=city:is:{city}&per=25{more}")
            assert f">{said}</span>" in page.text
        assert len(counted) == times


def test_all_that_are_selected_were_counted_by_the_page_unless_a_run_ended_since(
    signed_in: SignIn, counted_up_to: Callable[[int], None]
) -> None:
    [one, *_] = some_contacts(60, city="Rome")
    counted_up_to(50)
    browser: FlaskClient = signed_in()
    page = browser.get("/contacts?f=city:is:Rome").text
    token = re.search(r'name="selection"[^>]*value="([^"]+)"', page)
    assert token is not None

    def counted() -> str:
        return browser.get("/contacts/count?f=city:is:Rome").text

    def selected() -> str:
        form = {"op": "all", "at": "f=city:is:Rome", "selection": token[1], "total": ""}
        return browser.post("/contacts/selection", data=form).text

    assert ">60<" in counted()
    # Nobody saw this one: a number above what pages say exactly may be a minute old.
    db.session.execute(text("UPDATE contacts SET city = 'Oslo' WHERE id = :id"), {"id": one})
    db.session.commit()
    assert ">60<" in counted()
    assert "60" in selected()
    run_action("update_fields", a_user(name="Other"), f"id:is:{one + 1}", **{"set.city": "Oslo"})
    assert ">58<" in counted()
    assert "58" in selected()
    run_action("update_fields", a_user(name="Another"), "city:is:Rome", **{"set.city": "Oslo"})
    assert ">0<" in counted()
    some_contacts(30, city="Rome")
    assert ">30</span>" in browser.get("/contacts?f=city:is:Rome&per=25").text
