"""Looking changes nothing, and neither does asking for a change without the token of a form."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.routing import Rule

from massadmin.extensions import db
from massadmin.records.custom_fields import add_field
from tests.factories import contacts, run_action, some_contacts
from tests.web.conftest import SignIn
from tests.web.runs.test_index import user_of

pytestmark = pytest.mark.usefixtures("db_session")

# Columns that note that somebody was here, written at most once a minute.
SEEN = {"user_sessions": "last_seen_at", "users": "last_seen_at"}
# That somebody took a file away is written down; looking at a file does nothing else.
WRITTEN_DOWN = {"exports.download"}


def fingerprint() -> dict[str, str]:
    """Every table's content, in a few letters each, without when people were last seen."""
    db.session.rollback()
    tables = db.session.scalars(
        text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    ).all()
    # One question, because this is asked after every request.
    of_one = (
        "SELECT '{table}', md5(string_agg(x, chr(10) ORDER BY x)) FROM"
        " (SELECT (to_jsonb(t) - '{seen}')::text AS x FROM \"{table}\" AS t) AS rows"
    )
    parts = [of_one.format(table=table, seen=SEEN.get(table, "")) for table in tables]
    found = {table: str(sum) for table, sum in db.session.execute(text(" UNION ALL ".join(parts)))}
    db.session.rollback()
    assert len(found) == len(tables)
    return found


@pytest.fixture
def browser(signed_in: SignIn) -> FlaskClient:
    """An admin in a console where each address with a number in it finds something."""
    browser = signed_in()
    admin = user_of(browser)
    add_field(contacts(), "Score", "number", (), admin)
    some_contacts(3, city="Rome")
    browser.post("/contacts/lists", data={"name": "Rome", "at": "f=city:is:Rome"})
    browser.post("/contacts/selection", data={"op": "tick", "id": "1", "selection": TOKEN})
    browser.post(
        "/imports", data={"module": "contacts", "file": (io.BytesIO(b"email\na@b.org\n"), "a.csv")}
    )
    run_action("export", admin, columns="email", format="csv")
    run_action("delete", admin, "id:is:3", confirm="DELETE")
    db.session.commit()
    return browser


TOKEN = str(uuid.UUID(int=7))
HTMX = {"HX-Request": "true"}
# What an address takes whose converter does not say.
VALUES = {"key": "city", "filename": "app.js", "name": "htmx.min.js"}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "actions.configure": {"ids": "1"},
    "records.selection_bar": {"selection": TOKEN},
}


def addresses(app: Flask, method: str, number: int = 1) -> Iterator[tuple[str, str]]:
    """The endpoint and address of every rule that takes `method`."""
    for rule in app.url_map.iter_rules():
        if method in (rule.methods or ()):
            for values in _values(rule, number):
                built = _build(app, rule, values)
                if built:
                    yield rule.endpoint, built


def _values(rule: Rule, number: int) -> Iterator[dict[str, Any]]:
    values: dict[str, Any] = {}
    for name, converter in rule._converters.items():
        items = sorted(getattr(converter, "items", ()))
        kind = type(converter).__name__
        values[name] = number if kind == "IntegerConverter" else (items or [VALUES.get(name)])[0]
    if rule.endpoint.startswith("actions."):
        for key in ("add_tags", "update_fields", "delete", "export"):
            yield {**values, "key": key}
    else:
        yield values


def _build(app: Flask, rule: Rule, values: dict[str, Any]) -> str | None:
    with app.test_request_context():
        found = rule.build(values, append_unknown=False)
    return found[1] if found else None


@pytest.mark.parametrize("htmx", [{}, HTMX], ids=["page", "fragment"])
def test_no_get_changes_anything(app: Flask, browser: FlaskClient, htmx: dict[str, str]) -> None:
    before, good = fingerprint(), 0
    for number in (1, 2):
        for endpoint, url in addresses(app, "GET", number):
            if endpoint in WRITTEN_DOWN:
                continue
            query = ARGUMENTS.get(endpoint, {})
            answer = browser.get(url, query_string=query, headers=htmx, buffered=True)
            assert answer.status_code < 500, url
            good += answer.status_code < 400
            assert fingerprint() == before, f"GET {url} changed something"
    assert good > 60, "most of them found what they were asked for"


def test_no_post_without_its_token_changes_anything(app: Flask, browser: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    foreign = {"Origin": "https://evil.example", "Referer": "https://evil.example/", **HTMX}
    before, tried = fingerprint(), 0
    for _, url in addresses(app, "POST"):
        for headers in ({}, foreign):
            data = {
                "ids": "1",
                "tags": "evil",
                "expected": "1",
                "confirm": "DELETE",
                "csrf_token": "x",
            }
            answer = browser.post(url, data=data, headers=headers)
            assert answer.status_code == 400, url
            assert "earlier sign-in" in answer.text, url
            tried += 1
    assert fingerprint() == before
    assert tried > 60


def test_an_address_of_any_number_has_an_answer(app: Flask, browser: FlaskClient) -> None:
    for method in ("GET", "POST"):
        for endpoint, url in addresses(app, method, 987_654_321):
            if "987654321" not in url:
                continue
            for digits in (str(2**31), str(2**63 - 1), str(2**63), "9" * 4_500):
                answer = browser.open(url.replace("987654321", digits), method=method)
                assert answer.status_code < 500, (method, endpoint, digits[:20])


def test_rights_are_asked_again_when_the_form_comes_back(app: Flask, signed_in: SignIn) -> None:
    """The page was drawn for a manager; the post comes from whoever they are by then."""
    browser = signed_in("manager")
    manager = user_of(browser)
    some_contacts(3, city="Rome")
    run = run_action("delete", manager, "id:is:3", confirm="DELETE")
    page = browser.get("/contacts/actions/delete?ids=1,2")
    assert page.status_code == 200
    manager.role = "member"
    db.session.commit()
    before = fingerprint()
    data = {"ids": "1,2", "expected": "2", "confirm": "DELETE"}
    for url, form in (
        ("/contacts/actions/delete", data),
        ("/contacts/actions/export", {**data, "columns": "email", "format": "csv"}),
        ("/contacts/actions/change_owner", {**data, "owner": str(manager.id)}),
        ("/contacts/1/fields/city", {"value": "Oslo"}),
        (f"/runs/{run.id}/undo", {"expected": "1"}),
        ("/settings/users/add", {"email": "eve@example.com"}),
        ("/settings/fields/contacts/add", {"label": "Evil", "type": "text"}),
    ):
        answer = browser.post(url, data=form)
        assert answer.status_code in (403, 404, 409), (url, answer.status_code)
    assert fingerprint() == before
    manager.active = False
    db.session.commit()
    assert browser.post("/contacts/actions/add_tags", data=data).status_code == 303
    assert fingerprint()["runs"] == before["runs"]
