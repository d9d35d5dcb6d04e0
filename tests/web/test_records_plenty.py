"""Lists that hold plenty are not counted again for a minute; nobody is told less than is there."""

from __future__ import annotations

import time

import pytest
from flask.testing import FlaskClient

from massadmin.auth.models import User
from massadmin.records.filters import Condition, Query
from massadmin.web.records import plenty
from massadmin.web.records import view as lists
from massadmin.web.records.plenty import Plenty
from tests.factories import contacts, some_contacts
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
    known, module = Plenty(), contacts()
    known.note(module, query, person(1), 5)
    assert known.knows(module, query, person(1), 5)
    assert not known.knows(module, query, person(1), 6)
    assert not known.knows(module, Query(q="ann"), person(1), 5)
    assert known.knows(module, query, other, 5) == shared


def test_it_is_forgotten_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    known, module = Plenty(), contacts()
    known.note(module, ROME, person(1), 5)
    then = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: then + plenty.KEPT)
    assert not known.knows(module, ROME, person(1), 5)


def test_no_more_are_kept_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plenty, "MOST", 3)
    known, module = Plenty(), contacts()
    for number in range(4):
        known.note(module, ROME, person(1), number)
    assert [known.knows(module, ROME, person(1), number) for number in range(4)] == [
        *(False, False, False),
        True,
    ]


def test_a_list_is_counted_to_its_limit_once(
    signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What holds plenty is counted once for all its pages; what does not, every time."""
    some_contacts(60, city="Rome")
    some_contacts(30, city="Oslo")
    counted: list[Query] = []

    def count(module: object, query: Query, user: object, limit: int) -> int:
        counted.append(query)
        return 60 if "Rome" in str(query) else 30

    monkeypatch.setattr(lists, "PLENTY", Plenty())
    monkeypatch.setattr(lists, "COUNTED", 50)
    monkeypatch.setattr(lists, "count_up_to", count)
    browser: FlaskClient = signed_in()
    for city, said, times in (("Rome", "50+", 1), ("Oslo", "30", 2)):
        counted.clear()
        for more in ("", "&sort=email"):
            page = browser.get(f"/contacts?f=city:is:{city}&per=25{more}")
            assert f">{said}</span>" in page.text
        assert len(counted) == times
