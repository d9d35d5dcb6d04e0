"""Ticks and the bar: what the page posts as people select."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records import selection as selections
from massadmin.records.selection import Selection
from massadmin.runs.action import REGISTRY
from massadmin.web.records import bar as bars
from tests.factories import a_user, run_action, some_contacts
from tests.web.conftest import SignIn

pytestmark = pytest.mark.usefixtures("db_session")

HTMX = {"HX-Request": "true"}


class Page:
    """A page that keeps its token, as a browser's does."""

    def __init__(self, browser: FlaskClient) -> None:
        self.browser = browser
        html = browser.get("/contacts").text
        found = re.search(r'name="selection" value="([^"]+)"', html)
        assert found
        self.token = found[1]

    def post(self, op: str, *ids: int, **more: Any) -> str:
        """What was selected then, as the bar counts it; nothing when the filters stand there."""
        data = {"op": op, "selection": self.token, "id": [str(each) for each in ids], **more}
        answer = self.browser.post("/contacts/selection", data=data, headers=HTMX)
        assert answer.status_code == 200, answer.text
        self.html = answer.text
        return counted(answer.text)

    def get(self, address: str = "/contacts") -> str:
        """The list again, carrying the selection."""
        headers = {**HTMX, "X-Selection": self.token}
        return self.browser.get(address, headers=headers).text


def counted(html: str) -> str:
    found = re.search(r'id="selected-count">(.*?)</span>\n', html, re.DOTALL)
    return re.sub(r"<[^>]+>", "", found[1]) if found else ""


def ticked(html: str) -> int:
    return len(re.findall(r'class="tick"[^>]*checked', html))


@pytest.fixture
def admin() -> User:
    return a_user()


@pytest.fixture
def page(signed_in: SignIn, admin: User) -> Page:
    return Page(signed_in(admin))


def test_looking_at_a_list_writes_nothing(page: Page) -> None:
    page.get()
    assert db.session.scalar(select(func.count()).select_from(Selection)) == 0


def test_ticks_add_up_and_are_taken_back(page: Page) -> None:
    one, two, three = some_contacts(3)
    assert page.post("tick", one, two) == "2 selected"
    assert page.post("tick", three) == "3 selected"
    assert page.post("untick", two) == "2 selected"
    assert ticked(page.get()) == 2
    assert page.post("clear") == ""
    assert 'data-check="none"' in page.html
    assert 'id="search"' in page.html
    assert ticked(page.get()) == 0


def test_the_page_and_all_that_match(page: Page) -> None:
    ids = some_contacts(60, city="Oslo")
    some_contacts(5, city="Bergen")
    shown = ",".join(map(str, ids[-50:]))
    at = "f=city:is:Oslo"
    assert page.post("page", page=shown, at=at) == "50 selected"
    assert 'data-check="all"' in page.html
    assert "Select all 60 matching" in page.html
    assert "All on this page" not in page.html
    assert page.post("all", page=shown, at=at) == "All 60 matching selected"
    assert page.post("untick", ids[-1], page=shown, at=at) == "59 selected, 1 excluded"
    assert "Select all 60 matching" in page.html
    assert ticked(page.get("/contacts?f=city:is:Oslo")) == 49
    assert page.post("tick", ids[-1], page=shown, at=at) == "All 60 matching selected"


def test_it_is_kept_while_paging_and_sorting(page: Page) -> None:
    ids = some_contacts(30)
    page.post("tick", ids[0], ids[29])
    for address in ("/contacts?per=25", "/contacts?per=25&sort=id", "/contacts?q=first"):
        assert ticked(page.get(address)) >= 1
        assert counted(page.get(address)) == "2 selected"


def test_all_matching_is_dropped_with_the_filter_it_was_taken_under(page: Page) -> None:
    some_contacts(3, city="Oslo")
    page.post("all", at="f=city:is:Oslo")
    assert counted(page.get("/contacts?f=city:is:Oslo&sort=email")) == "All 3 matching selected"
    assert counted(page.get("/contacts")) == ""
    assert counted(page.get("/contacts?f=city:is:Oslo")) == ""


def test_exceptions_to_many_are_taken_from_the_count_that_is_known(page: Page) -> None:
    ids = some_contacts(5)
    page.post("all", total="4")  # by now it is five
    assert counted(page.html) == "All 5 matching selected"
    assert 'id="selection-total" value="5" hx-swap-oob="true"' in page.html
    assert page.post("untick", ids[0], total="1000000") == "999,999 selected, 1 excluded"
    assert "Select all 1,000,000 matching" in page.html
    assert page.post("untick", ids[1]) == "3 selected, 2 excluded"


def test_two_pages_have_two_selections(page: Page) -> None:
    one, two = some_contacts(2)
    other = Page(page.browser)
    assert other.token != page.token
    page.post("tick", one)
    other.post("tick", two)
    assert page.post("tick", two) == "2 selected"
    assert counted(other.get()) == "1 selected"


def test_the_token_of_somebody_else_is_unknown(page: Page, signed_in: SignIn) -> None:
    (one,) = some_contacts(1)
    page.post("tick", one)
    thief = signed_in("manager")
    data = {"op": "tick", "selection": page.token, "id": str(one)}
    assert thief.post("/contacts/selection", data=data, headers=HTMX).status_code == 404
    stolen = thief.get("/contacts", headers={**HTMX, "X-Selection": page.token}).text
    assert counted(stolen) == ""


def test_members_count_only_their_own(signed_in: SignIn) -> None:
    member = a_user("member")
    theirs = some_contacts(2)
    (mine,) = some_contacts(1, owner_id=member.id)
    page = Page(signed_in(member))
    assert page.post("tick", mine, *theirs) == "1 selected"
    assert page.post("all") == "All 1 matching selected"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({}, 400),
        ({"op": "steal"}, 400),
        ({"op": "tick", "selection": "x"}, 404),
        ({"op": "tick", "selection": str(uuid.uuid4()), "id": ["x", "9" * 40, "-1", "²"]}, 200),
        ({"op": "all", "selection": str(uuid.uuid4()), "at": "f=nope:is:1"}, 400),
        ({"op": "all", "selection": str(uuid.uuid4()), "total": "many"}, 200),
        ({"op": "clear", "selection": str(uuid.uuid4()), "trash": "1"}, 403),
    ],
)
def test_what_makes_no_sense_is_refused(
    signed_in: SignIn, data: dict[str, Any], status: int
) -> None:
    browser = signed_in("member")
    assert browser.post("/contacts/selection", data=data, headers=HTMX).status_code == status


def test_too_many_ticks_are_refused_in_words(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = some_contacts(3)
    monkeypatch.setattr(selections, "MAX_IDS", 2)
    page.post("tick", ids[0])
    assert page.post("tick", *ids) == "1 selected"
    assert "At most 2 records can be ticked one by one" in page.html


def test_a_bulk_action_that_took_it_leaves_the_bar_empty(page: Page) -> None:
    (one,) = some_contacts(1)
    page.post("tick", one)
    asked = {"selection": page.token, "page": str(one)}
    still = page.browser.get("/contacts/selection", query_string=asked, headers=HTMX).text
    assert counted(still) == "1 selected"
    selections.clear(db.session.scalars(select(Selection)).one())
    db.session.commit()
    after = page.browser.get("/contacts/selection", query_string=asked, headers=HTMX).text
    assert counted(after) == ""
    assert 'data-check="none"' in after


def test_deleted_records_are_not_counted(page: Page, admin: User) -> None:
    one, two = some_contacts(2)
    page.post("tick", one)
    run_action("delete", admin, f"id:is:{one}", confirm="DELETE")
    assert page.post("tick", two) == "1 selected"


def test_actions_stand_in_the_bar_or_its_menu_and_say_why_not(signed_in: SignIn) -> None:
    admin, member = a_user(), a_user("member")
    (one,) = some_contacts(1, owner_id=member.id)
    page = Page(signed_in(admin))
    page.post("tick", one)
    listed = [each for each in REGISTRY.values() if each.listed and not each.trash]
    assert len(listed) >= 4
    for action in listed:
        url = f'hx-get="/contacts/actions/{action.key}?selection={page.token}"'
        assert page.html.count(url) == 1, action.key
    assert bars.NOT_ALLOWED not in page.html
    theirs = Page(signed_in(member))
    theirs.post("tick", one)
    for action in listed:
        allowed = member.can(f"contacts.{action.permission}")
        url = f'hx-get="/contacts/actions/{action.key}?selection={theirs.token}"'
        assert (url in theirs.html) is allowed, action.key
        assert action.label in theirs.html
    assert theirs.html.count(bars.NOT_ALLOWED) == sum(
        not member.can(f"contacts.{action.permission}") for action in listed
    )


def test_a_filter_whose_field_was_deleted_empties_the_bar(page: Page) -> None:
    page.post("all", at="q=first")
    found = db.session.scalars(select(Selection)).one()
    found.query = {**found.query, "conditions": [["custom.gone", "is", "1"]]}
    db.session.commit()
    asked = {"selection": page.token}
    answer = page.browser.get("/contacts/selection", query_string=asked, headers=HTMX)
    assert answer.status_code == 200
    assert counted(answer.text) == ""
