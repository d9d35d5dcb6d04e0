"""Users: a list, and dialogs that change it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from massadmin.auth import passwords
from massadmin.auth.models import AuditEntry, User
from massadmin.extensions import db
from tests.factories import a_user
from tests.web.conftest import SignIn

HTMX = {"HX-Request": "true"}
NEW = {
    "email": "grace@example.com",
    "name": "Grace Hopper",
    "role": "manager",
    "password": "nanoseconds of wire",
}


@pytest.fixture
def admin(signed_in: SignIn, db_session: Any) -> FlaskClient:
    return signed_in("admin")


def user(email: str) -> User:
    db.session.rollback()
    return db.session.execute(
        select(User).where(User.email == email).execution_options(populate_existing=True)
    ).scalar_one()


def test_the_list_names_everybody(admin: FlaskClient) -> None:
    a_user("member", "Grace <b>Hopper</b>", active=False)
    page = admin.get("/settings/users").text
    assert "Grace &lt;b&gt;Hopper" in page
    assert "Deactivated" in page
    assert "(you)" in page


def test_adding_swaps_the_list_behind_the_dialog(admin: FlaskClient, templates: list[str]) -> None:
    form = admin.get("/settings/users/add", headers=HTMX).text
    offered = re.search(r'name="password"[^>]*value="([^"]+)"', form)
    assert offered
    assert passwords.reasons_against(offered[1]) == []
    answer = admin.post("/settings/users/add", data=NEW, headers=HTMX)
    assert answer.status_code == 200
    assert answer.headers["HX-Trigger"] == "close-dialog"
    assert (answer.headers["HX-Retarget"], answer.headers["HX-Reswap"]) == ("#users", "outerHTML")
    assert "Grace Hopper" in answer.text
    assert 'hx-swap-oob="beforeend:#toasts"' in answer.text
    assert "Added Grace Hopper" in answer.text
    assert "settings/users.html" not in templates
    assert user("grace@example.com").role == "manager"
    assert passwords.verify("nanoseconds of wire", user("grace@example.com").password_hash)


def test_everything_works_without_javascript(admin: FlaskClient) -> None:
    assert 'id="sidebar"' in admin.get("/settings/users/add").text
    answer = admin.post("/settings/users/add", data=NEW)
    assert (answer.status_code, answer.location) == (303, "/settings/users")
    page = admin.get("/settings/users").text
    assert "Added Grace Hopper" in page
    grace = f"/settings/users/{user('grace@example.com').id}"
    for kind in ("role", "password"):
        assert f'href="{grace}/{kind}"' in page
        form = admin.get(f"{grace}/{kind}").text
        # Nothing there waits for a script: not even what leaves it.
        assert 'class="btn" href="/settings/users">Cancel' in form
        assert "data-close" not in form.partition('class="main"')[2].partition("</main>")[0]
    assert f'<form method="post" action="{grace}/active"' in page
    assert admin.post(f"{grace}/active", data={"active": "0"}).status_code == 303
    assert not user("grace@example.com").active


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"email": ""}, "Enter an e-mail address."),
        ({"email": "nonsense"}, "not an e-mail address"),
        ({"email": "Taken@example.com"}, "already a user"),
        ({"name": ""}, "Enter a name."),
        ({"role": "owner"}, "Not a valid choice"),
        ({"password": "short"}, "at least 10"),
    ],
)
def test_a_refusal_is_the_dialog_again(
    admin: FlaskClient, change: dict[str, str], reason: str
) -> None:
    a_user("member", email="taken@example.com")
    answer = admin.post("/settings/users/add", data={**NEW, **change}, headers=HTMX)
    assert answer.status_code == 422
    assert answer.text.lstrip().startswith("<form")
    assert 'class="error-summary"' in answer.text
    assert reason in answer.text
    assert db.session.scalar(select(User).where(User.email == "grace@example.com")) is None


def test_a_role_is_changed_and_written_down(admin: FlaskClient, db_session: Any) -> None:
    target = a_user("member", "Grace Hopper")
    form = admin.get(f"/settings/users/{target.id}/role", headers=HTMX).text
    assert re.search(r'<input checked[^>]*value="member"', form)
    answer = admin.post(f"/settings/users/{target.id}/role", data={"role": "admin"}, headers=HTMX)
    assert "Grace Hopper is now Admin." in answer.text
    entry = db_session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert (entry.event, entry.user_id) == ("role_changed", admin.user_id)  # type: ignore[attr-defined]  # see the fixture


def test_the_last_admin_cannot_give_it_up(admin: FlaskClient) -> None:
    own = admin.user_id  # type: ignore[attr-defined]  # see the fixture
    answer = admin.post(f"/settings/users/{own}/role", data={"role": "member"}, headers=HTMX)
    assert answer.status_code == 422
    assert "last admin" in answer.text
    answer = admin.post(f"/settings/users/{own}/active", data={"active": "0"}, headers=HTMX)
    assert "last admin" in answer.text
    assert "toast-error" in answer.text
    assert admin.get("/settings/users").status_code == 200


def test_a_new_password_signs_its_owner_out(admin: FlaskClient, signed_in: SignIn) -> None:
    target = a_user("member", email="grace@example.com")
    theirs = signed_in(target)
    url = f"/settings/users/{target.id}/password"
    assert admin.get(url, headers=HTMX).status_code == 200
    assert admin.post(url, data={"password": "short"}, headers=HTMX).status_code == 422
    assert theirs.get("/settings/profile").status_code == 200
    assert (
        admin.post(url, data={"password": "nanoseconds of wire"}, headers=HTMX).status_code == 200
    )
    assert theirs.get("/settings/profile").status_code == 303
    assert passwords.verify("nanoseconds of wire", user("grace@example.com").password_hash)


def test_shutting_out_takes_effect_at_once_and_can_be_undone(
    admin: FlaskClient, signed_in: SignIn
) -> None:
    target = a_user("manager", email="grace@example.com")
    theirs = signed_in(target)
    url = f"/settings/users/{target.id}/active"
    answer = admin.post(url, data={"active": "0"}, headers=HTMX)
    assert "shut out" in answer.text
    assert "Let in again" in answer.text
    assert theirs.get("/settings/profile").status_code == 303
    admin.post(url, data={"active": "1"}, headers=HTMX)
    assert user("grace@example.com").active


def test_nobody_else_manages_users(signed_in: SignIn, db_session: Any) -> None:
    target = a_user("member")
    for role in ("manager", "support_lead"):
        browser = signed_in(role)
        for url in ("/settings/users/add", f"/settings/users/{target.id}/role"):
            assert browser.get(url).status_code == 403
            assert browser.post(url, data=NEW).status_code == 403


def test_a_user_that_is_not_there_is_a_404(admin: FlaskClient) -> None:
    assert admin.get("/settings/users/999999/role").status_code == 404
