"""The settings as a whole, the profile, and the pages that only show."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from massadmin.auth import passwords, people, sessions
from massadmin.auth.models import AuditEntry, User
from massadmin.config import Settings
from massadmin.extensions import db
from massadmin.web.settings import TABS
from tests.web.conftest import SignIn

PASSWORD = "correct horse battery"


def me(browser: FlaskClient) -> User:
    """The user of a browser, as the database has it now."""
    db.session.rollback()
    return db.session.execute(
        select(User)
        .where(User.id == browser.user_id)  # type: ignore[attr-defined]  # see the fixture
        .execution_options(populate_existing=True)
    ).scalar_one()


@pytest.fixture
def member(signed_in: SignIn, db_session: Any) -> FlaskClient:
    """A browser of a member whose password is PASSWORD."""
    user = people.create_user("ada@example.com", PASSWORD, role="member", name="Ada Lovelace")
    db_session.commit()
    return signed_in(user)


def test_each_role_sees_the_tabs_it_can_open(signed_in: SignIn) -> None:
    for role in ("admin", "manager", "support_lead", "member"):
        browser = signed_in(role)
        page = browser.get("/settings/", follow_redirects=True).text
        user = User(role=role, active=True)
        for tab in TABS:
            shown = f">{tab.label.replace('&', '&amp;')}</a>" in page
            assert shown is (not tab.permission or user.can(tab.permission)), (role, tab.label)


def test_every_tab_opens_for_an_admin(signed_in: SignIn, app: Flask) -> None:
    browser = signed_in("admin")
    for tab in TABS:
        with app.test_request_context():
            from flask import url_for

            url = url_for(tab.endpoint)
        page = browser.get(url)
        assert page.status_code == 200
        assert f'href="{url}" aria-current="page"' in page.text


def test_name_and_zone_are_saved(member: FlaskClient, db_session: Any) -> None:
    answer = member.post(
        "/settings/profile/name", data={"name": " Ada King ", "timezone": "Europe/Oslo"}
    )
    assert (answer.status_code, answer.location) == (303, "/settings/profile")
    assert (me(member).name, me(member).timezone) == ("Ada King", "Europe/Oslo")
    page = member.get("/settings/profile").text
    assert "Saved your name and time zone." in page
    assert "Saved your name" not in member.get("/settings/profile").text
    member.post("/settings/profile/name", data={"name": "Ada King", "timezone": ""})
    assert me(member).timezone is None


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"name": "", "timezone": ""}, "Enter a name."),
        (
            {"name": "Ada", "timezone": "Mars/Olympus"},
            "There is no time zone &#39;Mars/Olympus&#39;",
        ),
    ],
)
def test_a_bad_profile_comes_back_with_the_reason(
    member: FlaskClient, db_session: Any, form: dict[str, str], reason: str
) -> None:
    answer = member.post("/settings/profile/name", data=form)
    assert answer.status_code == 422
    assert reason in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert me(member).name == "Ada Lovelace"


def test_a_new_password_signs_the_other_browsers_out(
    member: FlaskClient, signed_in: SignIn, db_session: Any
) -> None:
    other = signed_in(me(member))
    answer = member.post(
        "/settings/profile/password", data={"current": PASSWORD, "new": "a much better sentence"}
    )
    assert answer.status_code == 303
    assert passwords.verify("a much better sentence", me(member).password_hash)
    assert member.get("/settings/profile").status_code == 200
    assert other.get("/settings/profile").status_code == 303


@pytest.mark.parametrize(
    ("current", "new", "reason"),
    [
        ("not the password", "a much better sentence", "not your current password"),
        (PASSWORD, "tooshort9", "at least 10 characters; this has 9"),
    ],
)
def test_a_password_is_not_changed_without_the_old_or_for_a_bad_one(
    member: FlaskClient, db_session: Any, current: str, new: str, reason: str
) -> None:
    answer = member.post("/settings/profile/password", data={"current": current, "new": new})
    assert answer.status_code == 422
    assert reason in answer.text
    assert new not in answer.text
    assert passwords.verify(PASSWORD, me(member).password_hash)


def test_guessing_the_current_password_is_throttled(member: FlaskClient) -> None:
    form = {"current": "not the password", "new": "a much better sentence"}
    codes = [member.post("/settings/profile/password", data=form).status_code for _ in range(6)]
    assert codes == [422] * 5 + [429]


def test_density_and_shortcuts_reach_every_page(member: FlaskClient) -> None:
    before = member.get("/settings/roles").text
    assert 'data-density="standard"' in before
    assert 'data-shortcuts="on"' in before
    member.post("/settings/profile/looks", data={"density": "compact"})
    after = member.get("/settings/roles").text
    assert 'data-density="compact"' in after
    assert 'data-shortcuts="off"' in after
    assert member.post("/settings/profile/looks", data={"density": "huge"}).status_code == 422


def test_other_browsers_can_be_signed_out_one_by_one_or_all(
    member: FlaskClient, signed_in: SignIn, db_session: Any
) -> None:
    first, second, third = (signed_in(me(member)) for _ in range(3))
    page = member.get("/settings/profile").text
    assert page.count("Firefox on Linux") >= 4
    assert page.count(">this browser<") == 1
    newest = sessions.of(me(member))[0]
    assert member.post("/settings/profile/sessions/end", data={"session": newest.id}).status_code
    assert third.get("/settings/profile").status_code == 303
    assert first.get("/settings/profile").status_code == 200
    member.post("/settings/profile/sessions/end")
    assert [each.get("/settings/profile").status_code for each in (member, first, second)] == [
        200,
        303,
        303,
    ]
    events = db_session.scalars(select(AuditEntry.event)).all()
    assert events.count("sessions_ended") == 2


def test_a_session_of_somebody_else_is_not_there(
    member: FlaskClient, signed_in: SignIn, db_session: Any
) -> None:
    other = signed_in("admin")
    theirs = sessions.of(me(other))[0]
    for wanted in (str(theirs.id), "999999", "x"):
        answer = member.post("/settings/profile/sessions/end", data={"session": wanted})
        assert answer.status_code == 404
    assert other.get("/settings/profile").status_code == 200


def test_limits_show_every_setting_but_no_secret(app: Flask, signed_in: SignIn) -> None:
    app.config["SETTINGS"] = dataclasses.replace(
        app.config["SETTINGS"],
        database_url="postgresql+psycopg://crm:hunter2@db.example/crm?password=hunter3",
        redis_url="redis://:hunter4@queue.example:6379/0",
        metrics_token="hunter5",
        restore_days=12_345,
    )
    page = signed_in().get("/settings/limits").text
    for each in dataclasses.fields(Settings):
        assert each.metadata["env"] in page
    assert "12,345" in page
    assert "db.example" in page
    assert "queue.example" in page
    assert "hunter" not in page
    assert app.config["SETTINGS"].secret_key not in page


def test_the_roles_page_shows_who_may_what(signed_in: SignIn) -> None:
    page = signed_in("member").get("/settings/roles").text
    assert "Delete records" in page
    assert "Support lead" in page
