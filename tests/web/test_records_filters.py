"""The form that adds and changes filters."""

from __future__ import annotations

import json
import re
from html import unescape
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.fields import CUSTOM_TYPES
from massadmin.records.filter_sql import compile_condition
from massadmin.records.filters import OPERATORS_BY_TYPE, Condition
from massadmin.records.modules import CustomField
from massadmin.records.tags import Tag
from massadmin.web.records.filter_form import FilterForm
from massadmin.web.records.tokens import tokens
from massadmin.web.records.view import ListView
from tests.factories import a_user, contacts, some_contacts
from tests.web.conftest import SignIn

pytestmark = pytest.mark.usefixtures("db_session")

HTMX = {"HX-Request": "true"}


@pytest.fixture
def admin() -> User:
    return a_user(name="Ada Admin")


@pytest.fixture
def browser(signed_in: SignIn, admin: User) -> FlaskClient:
    return signed_in(admin)


def form_of(user: User, *pairs: tuple[str, str]) -> FilterForm:
    return FilterForm.read(ListView.read(contacts(), user, MultiDict(pairs)))


SAMPLES = {
    "text": ["Ada"],
    "email": ["a@b.example"],
    "phone": ["+4721234567"],
    "choice": ["Lead"],
    "country": ["NO"],
    "time_zone": ["Europe/Oslo"],
    "user": ["me"],
    "number": ["5", "7"],
    "id": ["5", "7"],
    "date": ["2026-03-01", "2026-03-31"],
    "datetime": ["2026-03-01", "2026-03-31"],
    "boolean": ["yes"],
    "tags": ["vip"],
}


def test_every_operator_of_every_type_makes_a_filter_that_works(
    browser: FlaskClient, admin: User
) -> None:
    for kind in CUSTOM_TYPES:
        db.session.add(
            CustomField(module="contacts", key=kind, label=kind, type=kind, choices=["Lead"])
        )
    db.session.commit()
    module = contacts()
    for field in module.fields:
        for op in OPERATORS_BY_TYPE[field.type]:
            values = ["30"] if op.endswith("_days") else SAMPLES[field.type]
            pairs = [("field", field.key), ("op", op), *(("value", each) for each in values)]
            form = form_of(admin, *pairs)
            compile_condition(module, form.condition, admin)
            again = form_of(admin, ("f", form.condition.to_text()), ("edit", "0"))
            assert again.condition == form.condition, (field.key, op)
            assert (again.op, again.control) == (form.op, form.control)


def test_the_field_decides_what_can_be_asked(browser: FlaskClient) -> None:
    html = browser.get("/contacts/filter?field=owner_id", headers=HTMX).text
    assert re.findall(r'<option value="(\w+)"[^>]*>[^<]+</option>', html.split("filter-op")[1])[
        :2
    ] == ["is", "is_not"]
    assert '<option value="me">Me</option>' in html
    assert ">Ada Admin</option>" in html
    assert 'type="date"' in browser.get("/contacts/filter?field=created_at", headers=HTMX).text
    # An operator of the field before that the new one lacks gives way to the first.
    html = browser.get("/contacts/filter?field=tags&op=gt", headers=HTMX).text
    assert '<option value="has" selected>' in html


def test_a_value_goes_with_its_kind_of_field(browser: FlaskClient) -> None:
    path = "/contacts/filter?op=is&value=me&was="
    assert 'value="me"' not in browser.get(path + "owner_id&field=city").text
    assert 'value="me"' in browser.get(path + "first_name&field=city").text
    assert 'value="me"' in browser.get(path + "city&field=city").text


def test_tags_and_choices_are_suggested(browser: FlaskClient) -> None:
    db.session.add(Tag(name='"vip" & co'))
    db.session.commit()
    html = browser.get("/contacts/filter?field=tags", headers=HTMX).text
    assert '<option value="&#34;vip&#34; &amp; co">' in html
    html = browser.get("/contacts/filter?field=status&op=one_of", headers=HTMX).text
    assert html.count('type="checkbox" name="value"') == 6


def test_adding_shows_the_list_that_is_then(browser: FlaskClient) -> None:
    some_contacts(2, city="Oslo")
    some_contacts(1, city="Bergen")
    asked = [
        ("apply", "1"),
        ("q", "first"),
        ("sort", "email"),
        ("field", "city"),
        ("op", "is"),
        ("value", "Oslo"),
    ]
    url = "/contacts/filter?" + urlencode(asked)
    plain = browser.get(url)
    assert plain.status_code == 303
    there = "/contacts?f=city%3Ais%3AOslo&q=first&sort=email"
    assert plain.headers["Location"] == there
    answer = browser.get(url, headers=HTMX)
    assert answer.headers["HX-Push-Url"] == there
    assert answer.headers["HX-Retarget"] == "#view"
    assert answer.text.count("<tr data-row") == 2


def test_changing_one_condition_leaves_the_others(browser: FlaskClient) -> None:
    asked = [
        ("f", "city:is:Oslo"),
        ("f", "status:is:Lead"),
        ("match", "any"),
        ("edit", "0"),
        ("apply", "1"),
        ("field", "city"),
        ("op", "starts"),
        ("value", "Tr"),
    ]
    answer = browser.get("/contacts/filter?" + urlencode(asked))
    assert unescape(answer.headers["Location"]) == (
        "/contacts?f=city%3Astarts%3ATr&f=status%3Ais%3ALead&match=any"
    )


@pytest.mark.parametrize(
    ("field", "op", "values", "words"),
    [
        ("city", "is", [""], "has no value"),
        ("id", "gt", ["x"], "is no id"),
        ("created_at", "between", ["2026-01-01"], "first..last"),
        ("created_at", "within_days", ["many"], "no number of days"),
        ("status", "one_of", [], "has no value"),
    ],
)
def test_a_mistake_is_told_in_the_form_which_keeps_what_was_typed(
    browser: FlaskClient, field: str, op: str, values: list[str], words: str
) -> None:
    pairs = [("field", field), ("op", op), ("apply", "1"), *(("value", each) for each in values)]
    answer = browser.get("/contacts/filter?" + urlencode(pairs), headers=HTMX)
    assert answer.status_code == 422
    assert words in unescape(answer.text)
    assert 'aria-invalid="true"' in answer.text
    for value in filter(None, values):
        assert f'value="{value}"' in answer.text
    assert browser.get("/contacts/filter?" + urlencode(pairs)).status_code == 422


def test_without_script_the_form_is_a_page(browser: FlaskClient) -> None:
    html = browser.get("/contacts/filter?field=status&op=is&choose=1&apply=1").text
    assert "<h1>Filter contacts</h1>" in html
    assert 'name="choose"' in html


def test_in_the_trash_it_leads_back_to_the_trash(browser: FlaskClient, signed_in: SignIn) -> None:
    url = "/contacts/filter?trash=1&apply=1&field=city&op=is&value=Oslo"
    where = json.loads(browser.get(url, headers=HTMX).headers["HX-Location"])
    assert where == {"path": "/trash?f=city%3Ais%3AOslo", "target": "#view", "swap": "outerHTML"}
    assert signed_in("member").get(url).status_code == 403


def test_very_many_conditions_are_refused_on_a_page_of_its_usual_size(browser: FlaskClient) -> None:
    answer = browser.get("/contacts?" + "&".join(["f=city:is:Oslo"] * 500))
    assert answer.status_code == 422
    assert "At most 50 conditions can be combined." in answer.text
    assert answer.text.count('class="token"') == 50
    assert "clear-filters" in answer.text


def test_tokens_read_as_sentences() -> None:
    conditions = [
        Condition("owner_id", "one_of", "7|me"),
        Condition("created_at", "within_days", "1"),
        Condition("created_at", "older_days", "30"),
        Condition("id", "between", "1..9"),
        Condition("city", "empty"),
        Condition("tags", "has", "a|b"),
        Condition("custom.gone", "frobs", "x"),
    ]
    read = [
        f"{token.label} {token.op} {token.value}".strip()
        for token in tokens(contacts(), conditions, {7: "Ada"})
    ]
    assert read == [
        "Owner is any of Ada or me",
        "Created within the last 1 day",
        "Created longer ago than 30 days",
        "ID between 1 and 9",
        "City is empty",
        "Tags has a or b",
        "custom.gone frobs x",
    ]
