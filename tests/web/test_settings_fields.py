"""The page on which admins manage custom fields."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from massadmin.extensions import db
from massadmin.records.smart_lists import save_list
from tests.factories import a_user, contacts, query, some_contacts
from tests.web.conftest import SignIn

pytestmark = pytest.mark.usefixtures("db_session")

HTMX = {"HX-Request": "true"}
ADD = "/settings/fields/contacts/add"


@pytest.fixture
def browser(signed_in: SignIn) -> FlaskClient:
    return signed_in()


def labels() -> list[str]:
    db.session.rollback()
    return [field.label for field in contacts().custom_fields]


def test_add_rename_move_and_delete(browser: FlaskClient) -> None:
    assert "No fields of your own yet" in browser.get("/settings/fields").text
    data = {"label": "Tier", "type": "choice", "choices": "Gold\r\nSilver"}
    answer = browser.post(ADD, data=data, headers=HTMX)
    assert answer.headers["HX-Retarget"] == "#fields-contacts"
    assert answer.headers["HX-Trigger"] == "close-dialog"
    assert "Gold, Silver" in answer.text
    assert browser.post(ADD, data={"label": "Score", "type": "number"}).status_code == 303
    assert labels() == ["Tier", "Score"]
    browser.post("/settings/fields/contacts/2/move", data={"step": "up"})
    assert labels() == ["Score", "Tier"]
    data = {"label": "Level", "choices": "Gold"}
    browser.post("/settings/fields/contacts/1/change", data=data)
    assert labels() == ["Score", "Level"]
    browser.post("/settings/fields/contacts/1/delete", data={"word": "DELETE"})
    assert labels() == ["Score"]


def test_mistakes_are_told_beside_their_input(browser: FlaskClient) -> None:
    answer = browser.post(ADD, data={"label": "Tier", "type": "choice"}, headers=HTMX)
    assert answer.status_code == 422
    assert 'id="choices-error"' in answer.text
    assert browser.post(ADD, data={"label": "E-mail", "type": "text"}).status_code == 422


def test_deleting_says_what_is_lost_and_asks_for_the_word(browser: FlaskClient) -> None:
    browser.post(ADD, data={"label": "Score", "type": "number"})
    some_contacts(3)
    db.session.execute(text("""UPDATE contacts SET custom = '{"score": 1}' WHERE id < 3"""))
    save_list(a_user("manager"), contacts(), "High scores", query("custom.score:gt:5"))
    db.session.commit()
    delete = "/settings/fields/contacts/1/delete"
    form = browser.get(delete, headers=HTMX).text
    assert "2 contacts hold a value in it" in form
    assert "High scores" in form
    for word in ("", "delete"):
        assert browser.post(delete, data={"word": word}, headers=HTMX).status_code == 422
    assert labels() == ["Score"]
    answer = browser.post(delete, data={"word": "DELETE"}, headers=HTMX)
    assert "its values on 2 contacts" in answer.text
    assert labels() == []


def test_what_is_not_there(browser: FlaskClient) -> None:
    for path in ("change", "delete"):
        assert browser.get(f"/settings/fields/contacts/7/{path}").status_code == 404
    assert browser.get("/settings/fields/companies/add").status_code == 404


@pytest.mark.parametrize("role", ["manager", "support_lead", "member"])
def test_only_admins_manage_fields(signed_in: SignIn, role: str) -> None:
    browser = signed_in(role)
    assert browser.get("/settings/fields").status_code == 403
    assert browser.post(ADD, data={"label": "Score", "type": "number"}).status_code == 403
