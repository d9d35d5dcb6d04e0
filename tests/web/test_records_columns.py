"""Which columns a person sees."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.smart_lists import save_list
from massadmin.web.records.columns import chosen, moved
from tests.factories import a_user, contacts, query, some_contacts
from tests.web.conftest import SignIn
from tests.web.test_records_index import heads

pytestmark = pytest.mark.usefixtures("db_session")


@pytest.fixture
def admin() -> User:
    some_contacts(1)
    return a_user()


@pytest.fixture
def browser(signed_in: SignIn, admin: User) -> FlaskClient:
    return signed_in(admin)


def test_they_are_kept_for_the_person(browser: FlaskClient, signed_in: SignIn) -> None:
    usual = heads(browser.get("/contacts").text)
    data = {"column": ["email", "city", "nope", "email"], "at": "f=city:empty"}
    answer = browser.post("/contacts/columns", data=data)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/contacts?f=city%3Aempty"
    assert heads(browser.get("/contacts").text) == ["E-mail", "City"]
    assert heads(signed_in("manager").get("/contacts").text) == usual
    browser.post("/contacts/columns", data={"reset": "1", "column": ["email"]})
    assert heads(browser.get("/contacts").text) == usual


def test_moving_answers_with_the_picker_and_renews_the_table(browser: FlaskClient) -> None:
    data = {"column": ["email", "city", "phone"], "up": "phone"}
    answer = browser.post("/contacts/columns", data=data, headers={"HX-Request": "true"})
    assert answer.headers["HX-Trigger"] == "columns-changed"
    assert answer.text.lstrip().startswith("<form")
    assert heads(browser.get("/contacts").text) == ["E-mail", "Phone", "City"]


def test_none_at_all_means_the_usual_ones(browser: FlaskClient) -> None:
    usual = heads(browser.get("/contacts").text)
    browser.post("/contacts/columns", data={})
    assert heads(browser.get("/contacts").text) == usual


def test_a_smart_list_has_its_own(browser: FlaskClient, admin: User) -> None:
    saved = save_list(admin, contacts(), "Mine", query(), columns=["email"])
    db.session.commit()
    data = {"column": ["email", "city"], "at": f"list={saved.id}"}
    browser.post("/contacts/columns", data=data)
    assert heads(browser.get(f"/contacts?list={saved.id}").text) == ["E-mail", "City"]
    assert len(heads(browser.get("/contacts").text)) > 2


def test_choosing_and_moving() -> None:
    assert chosen(contacts(), ["city", "nope", "email", "city"]) == ["city", "email"]
    assert moved(["a", "b", "c"], "c", -1) == ["a", "c", "b"]
    assert moved(["a", "b", "c"], "a", -1) == ["a", "b", "c"]
    assert moved(["a", "b", "c"], "a", 1) == ["b", "a", "c"]
    assert moved(["a", "b", "c"], "c", 1) == ["a", "b", "c"]
    assert moved(["a"], "x", 1) == ["a"]
