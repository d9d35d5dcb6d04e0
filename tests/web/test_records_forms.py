"""Whole forms: a new record, and all fields of one."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.contacts import Contact
from tests.factories import a_user, contact, some_contacts, tags_of
from tests.web.conftest import SignIn

pytestmark = pytest.mark.usefixtures("db_session")


@pytest.fixture
def admin() -> User:
    return a_user(name="Ada Admin")


@pytest.fixture
def browser(signed_in: SignIn, admin: User) -> FlaskClient:
    return signed_in(admin)


def filled(html: str) -> dict[str, str]:
    """What the form would send if nothing were touched."""
    sent: dict[str, str] = {}
    for tag in re.findall(r"<input\b[^>]*>", html):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and value and "theme" not in tag:
            sent[name[1]] = unescape(value[1])
    for name_, options in re.findall(
        r'<select\b[^>]*name="([^"]+)"[^>]*>(.*?)</select>', html, re.DOTALL
    ):
        values = re.findall(r'<option value="([^"]*)"( selected)?', options)
        chosen = [value for value, selected in values if selected] or [values[0][0]]
        sent[name_] = unescape(chosen[0])
    return sent


def test_a_new_record_untouched_fields_of_which_are_empty(
    browser: FlaskClient, admin: User
) -> None:
    sent = filled(browser.get("/contacts/new").text)
    answer = browser.post("/contacts/new", data={**sent, "first_name": "Bo", "tags": "vip"})
    made = db.session.scalars(select(Contact)).one()
    assert answer.headers["Location"] == f"/contacts/{made.id}"
    assert (made.first_name, made.last_name, made.owner_id) == ("Bo", None, admin.id)
    flags = {made.dnd_email, made.dnd_sms, made.dnd_whatsapp, made.dnd_calls}
    assert flags == {False}
    assert tags_of(made.id) == ["vip"]
    assert "Added the contact." in browser.get(answer.headers["Location"]).text


def test_mistakes_are_listed_with_links_and_what_was_typed_stays(browser: FlaskClient) -> None:
    data = {"email": "nobody", "phone": "12", "city": "Oslo", "dnd_sms": "yes"}
    answer = browser.post("/contacts/new", data=data)
    assert answer.status_code == 422
    assert 'href="#f-email"' in answer.text
    assert 'href="#f-phone"' in answer.text
    sent = filled(answer.text)
    assert (sent["email"], sent["city"], sent["dnd_sms"]) == ("nobody", "Oslo", "yes")
    assert db.session.scalar(select(func.count()).select_from(Contact)) == 0


def test_members_add_records_of_their_own(signed_in: SignIn) -> None:
    member = a_user("member")
    browser = signed_in(member)
    html = browser.get("/contacts/new").text
    assert 'name="owner_id"' not in html
    data = {"first_name": "Bo", "owner_id": "999"}
    assert browser.post("/contacts/new", data=data).status_code == 303
    assert db.session.scalars(select(Contact)).one().owner_id == member.id
    for method in ("get", "post"):
        lead = signed_in(a_user("support_lead", f"Lead {method}"))
        assert getattr(lead, method)("/contacts/new").status_code == 403


def test_editing_everything_changes_only_what_was_touched(browser: FlaskClient) -> None:
    (one,) = some_contacts(1, city="Oslo", dnd_sms=True)
    sent = filled(browser.get(f"/contacts/{one}/edit").text)
    contact(one).city = "Bergen"  # by somebody else, while the form is open
    db.session.commit()
    answer = browser.post(f"/contacts/{one}/edit", data={**sent, "company_name": "Acme"})
    assert answer.status_code == 303
    after = contact(one)
    assert (after.company_name, after.city, after.dnd_sms) == ("Acme", "Bergen", True)


def test_what_somebody_else_changed_is_not_overwritten_unseen(browser: FlaskClient) -> None:
    (one,) = some_contacts(1, city="Oslo", state="East")
    sent = filled(browser.get(f"/contacts/{one}/edit").text)
    contact(one).city = "Bergen"
    db.session.commit()
    answer = browser.post(f"/contacts/{one}/edit", data={**sent, "city": "Tromsø", "state": "N"})
    assert answer.status_code == 409
    assert "Somebody changed this to “Bergen” meanwhile" in unescape(answer.text)
    assert contact(one).state == "East"
    again = browser.post(f"/contacts/{one}/edit", data=filled(answer.text))
    assert again.status_code == 303
    assert (contact(one).city, contact(one).state) == ("Tromsø", "N")


def test_a_mistake_does_not_forget_what_the_form_was_opened_with(browser: FlaskClient) -> None:
    (one,) = some_contacts(1, city="Oslo")
    sent = filled(browser.get(f"/contacts/{one}/edit").text)
    refused = browser.post(f"/contacts/{one}/edit", data={**sent, "email": "nobody"})
    assert refused.status_code == 422
    contact(one).city = "Bergen"
    db.session.commit()
    sent = {**filled(refused.text), "email": "a@b.example"}
    assert browser.post(f"/contacts/{one}/edit", data=sent).status_code == 303
    assert contact(one).city == "Bergen"


def test_records_of_others_cannot_be_edited(signed_in: SignIn) -> None:
    (one,) = some_contacts(1)
    browser = signed_in("member")
    assert browser.get(f"/contacts/{one}/edit").status_code == 404
    assert browser.post(f"/contacts/{one}/edit", data={"city": "x"}).status_code == 404
