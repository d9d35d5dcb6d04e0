"""Smart lists as people handle them."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.filters import Query
from massadmin.records.smart_lists import SmartList, save_list
from tests.factories import a_user, contacts, query
from tests.web.conftest import SignIn

pytestmark = pytest.mark.usefixtures("db_session")

HTMX = {"HX-Request": "true"}


@pytest.fixture
def admin() -> User:
    return a_user()


@pytest.fixture
def browser(signed_in: SignIn, admin: User) -> FlaskClient:
    return signed_in(admin)


@pytest.fixture
def leads(admin: User) -> int:
    saved = save_list(admin, contacts(), "Leads", query("status:is:Lead"))
    db.session.commit()
    return saved.id


def fresh(list_id: int) -> SmartList | None:
    db.session.rollback()
    return db.session.scalar(
        select(SmartList).where(SmartList.id == list_id).execution_options(populate_existing=True)
    )


def test_what_is_shown_is_saved_under_a_name(browser: FlaskClient) -> None:
    at = "f=status:is:Lead&q=ada&sort=email"
    form = browser.get(f"/contacts/lists/new?{at}", headers=HTMX).text
    assert 'name="at" value="f=status%3Ais%3ALead&amp;q=ada&amp;sort=email"' in form
    data = {"name": " My  leads ", "shared": "y", "at": at}
    answer = browser.post("/contacts/lists", data=data)
    saved = db.session.scalars(select(SmartList)).one()
    assert answer.headers["Location"] == f"/contacts?list={saved.id}"
    assert (saved.name, saved.shared, saved.sort) == ("My leads", True, "email")
    assert Query.from_json(saved.query) == query("status:is:Lead", q="ada")
    assert "email" in (saved.columns or [])
    page = browser.get(answer.headers["Location"]).text
    assert "Saved the list" in page
    assert "My leads" in page


@pytest.mark.parametrize(
    ("name", "at", "words"),
    [
        ("", "", "Give the list a name"),
        ("x" * 81, "", "at most 80"),
        ("leads", "", "already have a list"),
        ("a\x00", "", "NUL"),
        ("New", "f=nope:is:1", "no field"),
    ],
)
def test_what_cannot_be_saved_is_told_in_the_form(
    browser: FlaskClient, leads: int, name: str, at: str, words: str
) -> None:
    answer = browser.post("/contacts/lists", data={"name": name, "at": at}, headers=HTMX)
    assert answer.status_code == 422
    assert words in answer.text
    assert answer.text.lstrip().startswith('<form class="dialog"')


def test_rename_share_update_delete(browser: FlaskClient, leads: int) -> None:
    assert 'value="Leads"' in browser.get(f"/lists/{leads}/rename", headers=HTMX).text
    answer = browser.post(f"/lists/{leads}/rename", data={"name": "New leads"}, headers=HTMX)
    assert answer.headers["HX-Redirect"] == f"/contacts?list={leads}"
    browser.post(f"/lists/{leads}/share", data={"shared": "1"})
    at = f"list={leads}&match=all&f=city:is:Oslo&sort=email"
    browser.post(f"/lists/{leads}/update", data={"at": at})
    found = fresh(leads)
    assert found is not None
    assert (found.name, found.shared, found.sort) == ("New leads", True, "email")
    assert Query.from_json(found.query) == query("city:is:Oslo")
    assert "for everybody" in browser.get(f"/lists/{leads}/delete", headers=HTMX).text
    browser.post(f"/lists/{leads}/delete")
    assert fresh(leads) is None


def test_only_whoever_may_change_a_list_does(
    browser: FlaskClient, signed_in: SignIn, leads: int
) -> None:
    manager, second_admin = signed_in("manager"), signed_in(a_user(name="Another Admin"))
    paths = ("rename", "share", "update", "delete")
    for path in paths:
        assert manager.post(f"/lists/{leads}/{path}").status_code == 404
        assert second_admin.post(f"/lists/{leads}/{path}").status_code == 404
    browser.post(f"/lists/{leads}/share", data={"shared": "1"})
    assert manager.get(f"/contacts?list={leads}").text.count("Leads</span></a>") == 1
    for path in paths:
        assert manager.post(f"/lists/{leads}/{path}").status_code == 403
    answer = second_admin.post(f"/lists/{leads}/rename", data={"name": "Tidied"})
    assert answer.status_code == 303


def test_saving_changes_of_a_list_that_cannot_be_shown_is_refused(
    browser: FlaskClient, leads: int
) -> None:
    at = f"list={leads}&f=nope:is:1"
    assert browser.post(f"/lists/{leads}/update", data={"at": at}).status_code == 409
