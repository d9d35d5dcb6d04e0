"""Signing in and out, as a browser meets it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from massadmin.auth import people, sign_in
from massadmin.auth.models import AuditEntry, User, UserSession
from tests.web.conftest import SignIn

PASSWORD = "correct horse battery"


@pytest.fixture
def ada(db_session: Any) -> User:
    user = people.create_user("ada@example.com", PASSWORD, role="admin", name="Ada Lovelace")
    db_session.commit()
    return user


def enter(client: FlaskClient, password: str = PASSWORD, **form: str) -> Any:
    data = {"email": "ada@example.com", "password": password, **form}
    return client.post("/sign-in", data=data)


def session_cookie(app: Flask, client: FlaskClient) -> Any:
    return client.get_cookie(app.config["SESSION_COOKIE_NAME"])


def test_pages_ask_to_sign_in_first_and_lead_back(client: FlaskClient, ada: User) -> None:
    asked = client.get("/settings/audit?q=ada&event=sign_in")
    assert asked.status_code == 303
    form = client.get(asked.location)
    assert "Sign in" in form.text
    assert 'value="/settings/audit?q=ada&amp;event=sign_in"' in form.text
    entered = enter(client, next="/settings/audit?q=ada&event=sign_in")
    assert (entered.status_code, entered.location) == (303, "/settings/audit?q=ada&event=sign_in")
    assert "Ada Lovelace" in client.get("/settings/audit").text


def test_unknown_wrong_and_deactivated_get_the_same_answer(
    client: FlaskClient, ada: User, db_session: Any
) -> None:
    wrong = enter(client, "wrong password")
    unknown = enter(client, email="nobody@example.com").text
    ada.active = False
    db_session.commit()
    shut_out = enter(client).text
    assert wrong.status_code == 422
    same = {
        re.sub(r'(csrf-token" content|csrf_token" value)="[^"]+"', "", page).replace(
            "nobody@", "ada@"
        )
        for page in (wrong.text, unknown, shut_out)
    }
    assert len(same) == 1
    assert "not right" in wrong.text
    assert 'value="wrong password"' not in wrong.text


def test_too_many_attempts_are_told_how_long_to_wait(client: FlaskClient, ada: User) -> None:
    for _ in range(sign_in.PER_ACCOUNT):
        enter(client, "wrong password")
    answer = enter(client)
    assert answer.status_code == 429
    assert "Too many attempts. Try again in 15 minutes." in answer.text
    assert client.get("/settings/profile").status_code == 303


def test_the_session_is_new_after_signing_in(
    app: Flask, client: FlaskClient, ada: User, db_session: Any
) -> None:
    client.get("/sign-in")
    planted = session_cookie(app, client).value
    enter(client)
    first = session_cookie(app, client).value
    assert first != planted
    enter(client)
    assert session_cookie(app, client).value != first
    # Signing in again replaced the session of this browser; it did not leave a second one behind.
    assert len(db_session.scalars(select(UserSession)).all()) == 1


def test_a_cookie_kept_from_before_signing_out_is_dead(
    app: Flask,
    client: FlaskClient,
    make_client: Callable[[], FlaskClient],
    ada: User,
    db_session: Any,
) -> None:
    enter(client)
    kept = session_cookie(app, client).value
    thief = make_client()
    thief.set_cookie(app.config["SESSION_COOKIE_NAME"], kept)
    assert thief.get("/settings/profile").status_code == 200
    left = client.post("/sign-out")
    assert (left.status_code, left.location) == (303, "/sign-in")
    assert thief.get("/settings/profile").status_code == 303
    assert db_session.scalars(select(UserSession)).all() == []
    events = db_session.scalars(select(AuditEntry.event).order_by(AuditEntry.id)).all()
    assert events[-2:] == ["sign_in", "sign_out"]


def test_the_cookie_never_carries_the_users_number(
    app: Flask, client: FlaskClient, ada: User
) -> None:
    enter(client)
    with client.session_transaction() as cookie:
        assert cookie["_user_id"] != str(ada.id)
        assert len(cookie["_user_id"]) > 40
        cookie["_user_id"] = str(ada.id)
    assert client.get("/settings/profile").status_code == 303


def test_being_deactivated_shuts_an_open_browser_out(signed_in: SignIn, db_session: Any) -> None:
    browser = signed_in("manager")
    assert browser.get("/settings/profile").status_code == 200
    people.set_active(db_session.get(User, browser.user_id), False)  # type: ignore[attr-defined]  # see the fixture
    db_session.commit()
    assert browser.get("/settings/profile").status_code == 303


def test_the_sign_in_page_sends_on_who_is_signed_in(signed_in: SignIn) -> None:
    answer = signed_in().get("/sign-in?next=/settings/roles")
    assert (answer.status_code, answer.location) == (302, "/settings/roles")


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "https://evil.example",
        "https:evil.example",
        "https:/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/%09/..//evil.example\r\nSet-Cookie: a=b",
        "",
    ],
)
def test_nobody_is_sent_to_another_site(client: FlaskClient, ada: User, target: str) -> None:
    form = client.get("/sign-in", query_string={"next": target}).text.partition("<footer")[0]
    assert '<input type="hidden" name="next" value="">' in form
    assert enter(client, next=target).location == "/"


@pytest.mark.parametrize(
    "target",
    [
        "/%2f%2fevil.example",
        "/%5cevil.example",
        "/%0d%0aSet-Cookie:a=b",
        "/@evil.example",
        "/.//evil",
    ],
)
def test_what_looks_like_another_site_is_a_path_of_this_one(
    client: FlaskClient, ada: User, target: str
) -> None:
    answer = enter(client, next=target)
    there = urlsplit(urljoin("http://localhost/sign-in", answer.location))
    assert (there.scheme, there.netloc) == ("http", "localhost")
    assert "a" not in {each.key for each in (client._cookies or {}).values()}


def test_htmx_is_sent_to_the_sign_in_page_and_back_to_its_page(client: FlaskClient) -> None:
    answer = client.get(
        "/settings/audit?q=x",
        headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/settings/users?a=1"},
    )
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/settings/users?a%3D1"
    assert answer.text == ""


def test_a_form_sent_after_the_session_ended_says_that_nothing_was_done(
    client: FlaskClient, ada: User
) -> None:
    answer = client.post("/settings/profile/name", data={"name": "Grace"})
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert "signed out before that was done" in client.get("/sign-in").text
