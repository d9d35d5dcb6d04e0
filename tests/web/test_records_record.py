"""The page of one record, its fields changed in place."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.edit import mark
from massadmin.records.modules import CustomField
from massadmin.web.records.inputs import input_for
from tests.factories import a_user, contact, contacts, run_action, some_contacts, start_action
from tests.web.conftest import SignIn

pytestmark = pytest.mark.usefixtures("db_session")

HTMX = {"HX-Request": "true"}


@pytest.fixture
def admin() -> User:
    return a_user(name="Ada Admin")


@pytest.fixture
def browser(signed_in: SignIn, admin: User) -> FlaskClient:
    return signed_in(admin)


def test_it_shows_every_field_and_who_it_is(browser: FlaskClient, admin: User) -> None:
    db.session.add(CustomField(module="contacts", key="score", label="Score", type="number"))
    (one,) = some_contacts(1, status="Lead", owner_id=admin.id, city="<i>Oslo</i>")
    html = browser.get(f"/contacts/{one}").text
    assert "<title>First1 Last1" in html
    assert ">First1 Last1</span>" in html
    for field in contacts().fields:
        assert f"<dt>{field.label}</dt>" in html
    assert "&lt;i&gt;Oslo&lt;/i&gt;" in html
    assert html.count("Ada Admin</") >= 2
    assert f'hx-get="/contacts/actions/delete?ids={one}"' in html


def test_a_field_is_changed_in_place(browser: FlaskClient) -> None:
    (one,) = some_contacts(1)
    address = f"/contacts/{one}/fields/first_name"
    form = browser.get(address, headers=HTMX).text
    assert form.lstrip().startswith('<div class="fact fact-open" id="field-first_name"')
    assert 'value="First1"' in form
    data = {"value": "Bo", "seen": mark("First1")}
    answer = browser.post(address, data=data, headers=HTMX)
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<div class="fact" id="field-first_name"')
    # What follows from it is renewed: the heading and the timeline.
    assert re.search(r'id="record-title"[^>]*hx-swap-oob="true"', answer.text)
    assert ">Bo Last1</span>" in answer.text
    assert re.search(r'id="timeline"[^>]*hx-swap-oob="true"', answer.text)
    assert contact(one).first_name == "Bo"


def test_giving_up_shows_the_field_again(browser: FlaskClient) -> None:
    (one,) = some_contacts(1)
    answer = browser.get(f"/contacts/{one}/fields/email?show=1", headers=HTMX)
    assert 'id="field-email-edit"' in answer.text
    assert "data-focus" in answer.text


def test_without_script_the_page_does_the_same(browser: FlaskClient) -> None:
    (one,) = some_contacts(1)
    address = f"/contacts/{one}/fields/email"
    page = browser.get(address)
    assert 'id="field-email-value"' in page.text
    assert "<h1" in page.text
    refused = browser.post(address, data={"value": "nobody", "seen": mark("p1@example.com")})
    assert refused.status_code == 422
    assert 'value="nobody"' in refused.text
    saved = browser.post(address, data={"value": "a@b.example", "seen": mark("p1@example.com")})
    assert saved.status_code == 303
    assert saved.headers["Location"] == f"/contacts/{one}#field-email"
    assert "Saved E-mail." in browser.get(f"/contacts/{one}").text
    shown = browser.get(address + "?show=1")
    assert shown.headers["Location"] == f"/contacts/{one}"


def test_a_mistake_keeps_what_was_typed_and_what_was_seen(browser: FlaskClient) -> None:
    (one,) = some_contacts(1)
    data = {"value": "nobody", "seen": mark("p1@example.com")}
    answer = browser.post(f"/contacts/{one}/fields/email", data=data, headers=HTMX)
    assert answer.status_code == 422
    assert "is no e-mail address" in answer.text
    assert f'name="seen" value="{mark("p1@example.com")}"' in answer.text
    assert 'value="nobody"' in answer.text


def test_a_value_changed_meanwhile_is_shown_and_can_be_replaced_knowingly(
    browser: FlaskClient, admin: User
) -> None:
    (one,) = some_contacts(1)
    address = f"/contacts/{one}/fields/owner_id"
    data = {"value": str(admin.id), "seen": mark("")}
    other = a_user("manager", "Mia Manager")
    contact(one).owner_id = other.id
    db.session.commit()
    answer = browser.post(address, data=data, headers=HTMX)
    assert answer.status_code == 409
    assert "Somebody changed this to “Mia Manager” meanwhile" in unescape(answer.text)
    assert contact(one).owner_id == other.id
    seen = re.search(r'name="seen" value="(\w+)"', answer.text)
    assert seen
    again = browser.post(address, data={**data, "seen": seen[1]}, headers=HTMX)
    assert again.status_code == 200
    assert contact(one).owner_id == admin.id


@pytest.mark.parametrize(("key", "status"), [("nope", 404), ("id", 403), ("created_at", 403)])
def test_fields_that_cannot_be_changed(browser: FlaskClient, key: str, status: int) -> None:
    (one,) = some_contacts(1)
    address = f"/contacts/{one}/fields/{key}"
    assert browser.get(address).status_code == status
    assert browser.post(address, data={"value": "7"}).status_code == status


def test_roles_change_what_they_may(signed_in: SignIn) -> None:
    member = a_user("member")
    (theirs,) = some_contacts(1)
    (mine,) = some_contacts(1, owner_id=member.id)
    browser = signed_in(member)
    assert browser.get(f"/contacts/{theirs}").status_code == 404
    assert browser.post(f"/contacts/{theirs}/fields/city", data={"value": "x"}).status_code == 404
    html = browser.get(f"/contacts/{mine}").text
    assert 'id="field-city-edit"' in html
    assert 'id="field-owner_id-edit"' not in html
    assert browser.get(f"/contacts/{mine}/fields/owner_id").status_code == 403
    owner = {"value": "", "seen": mark(str(member.id))}
    assert browser.post(f"/contacts/{mine}/fields/owner_id", data=owner).status_code == 403
    lead = signed_in("support_lead")
    html = lead.get(f"/contacts/{mine}").text
    assert "-edit" not in html
    assert lead.post(f"/contacts/{mine}/fields/city", data={"value": "x"}).status_code == 403


def test_a_deleted_record_is_shown_to_those_who_see_the_trash(
    browser: FlaskClient, admin: User, signed_in: SignIn
) -> None:
    member = a_user("member")
    (one,) = some_contacts(1, owner_id=member.id)
    run_action("delete", admin, confirm="DELETE")
    html = browser.get(f"/contacts/{one}").text
    assert "is in the trash" in html
    assert "-edit" not in html
    assert browser.get(f"/contacts/{one}/fields/city").status_code == 404
    assert browser.post(f"/contacts/{one}/fields/city", data={"value": "x"}).status_code == 404
    assert signed_in(member).get(f"/contacts/{one}").status_code == 404


def test_the_timeline_tells_of_runs_and_edits(
    browser: FlaskClient, admin: User, signed_in: SignIn
) -> None:
    member = a_user("member")
    (one,) = some_contacts(1, owner_id=member.id)
    run = run_action("add_tags", admin, tags="vip")
    run_action("add_tags", admin, tags="vip")
    start_action("add_tags", admin, tags="later")  # not done yet
    browser.post(f"/contacts/{one}/fields/city", data={"value": "Oslo"})
    html = browser.get(f"/contacts/{one}").text.split('id="timeline"')[1]
    assert f'href="/runs/{run.id}"' in html
    assert "Already has these tags" in html
    assert '<ins dir="auto">vip</ins>' in html
    assert '<ins dir="auto">Oslo</ins>' in html
    assert "later" not in html
    theirs = signed_in(member).get(f"/contacts/{one}").text
    assert "Add tag vip" in theirs
    assert f'href="/runs/{run.id}"' not in theirs


def test_older_events_are_asked_for(browser: FlaskClient) -> None:
    (one,) = some_contacts(1)
    for number in range(25):
        browser.post(f"/contacts/{one}/fields/city", data={"value": f"City {number}"})
    html = browser.get(f"/contacts/{one}").text
    assert html.count(">Edited</span>") == 20
    assert f"/contacts/{one}/timeline?events=40" in html
    older = browser.get(f"/contacts/{one}/timeline?events=40", headers=HTMX).text
    assert older.count(">Edited</span>") == 25
    assert "Show older" not in older


@pytest.mark.parametrize("record_id", ["0", "9223372036854775807", "99999999999999999999", "x"])
def test_what_is_no_record_is_not_found(browser: FlaskClient, record_id: str) -> None:
    assert browser.get(f"/contacts/{record_id}").status_code == 404


def test_controls_fit_their_fields(admin: User) -> None:
    gone = a_user("manager", "Gone Girl", active=False)
    db.session.add(
        CustomField(module="contacts", key="tier", label="Tier", type="choice", choices=["Gold"])
    )
    db.session.commit()
    module = contacts()
    owner = input_for(module.field("owner_id"), gone.id, admin)
    assert (str(gone.id), "Gone Girl (deactivated)") in owner.options
    assert owner.options[0] == ("", "Nobody")
    assert input_for(module.field("dnd_sms"), None, admin).text == "no"
    assert input_for(module.field("company_name"), "Acme\nOslo", admin).kind == "textarea"
    assert input_for(module.field("status"), "Odd", admin).kind == "list"
    tier = input_for(module.field("custom.tier"), "Silver", admin)
    assert tier.options == (("", "–"), ("Gold", "Gold"), ("Silver", "Silver"))
    zone = input_for(module.field("time_zone"), None, admin)
    assert ("Europe/Oslo", "Europe/Oslo") in zone.options
    country = input_for(module.field("country"), "NO", admin)
    assert ("NO", "Norway") in country.options
