"""Adding people and changing what they may do."""

from __future__ import annotations

import contextvars
import threading

import pytest
from flask import Flask
from sqlalchemy import select

from massadmin.auth import passwords, people, sessions
from massadmin.auth.models import AuditEntry, User
from massadmin.extensions import db
from tests.factories import a_user

PASSWORD = "correct horse battery"

pytestmark = pytest.mark.usefixtures("db_session")


def entry() -> AuditEntry:
    """The newest entry of the audit log."""
    return db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()


def test_a_new_user_can_be_found_by_address_in_any_case() -> None:
    user = people.create_user(" Ada@Example.COM ", PASSWORD, role="manager", name="Ada Lovelace")
    assert user.email == "ada@example.com"
    assert people.by_email("ADA@example.com") is user
    assert passwords.verify(PASSWORD, user.password_hash)
    assert (entry().event, entry().subject, entry().details) == (
        "user_added",
        "ada@example.com",
        {"role": "manager"},
    )


def test_without_a_name_the_address_stands_in() -> None:
    assert people.create_user("ada@example.com", PASSWORD, role="member").name == "ada"


@pytest.mark.parametrize(
    ("email", "password", "role", "field"),
    [
        ("no address", PASSWORD, "member", "email"),
        ("two@@example.com", PASSWORD, "member", "email"),
        ("a" * 250 + "@example.com", PASSWORD, "member", "email"),
        ("ada@example.com", "short", "member", "password"),
        ("ada@example.com", PASSWORD, "owner", "role"),
        ("TAKEN@example.com", PASSWORD, "member", "email"),
        ("a\x00da@example.com", PASSWORD, "member", "email"),
    ],
)
def test_what_cannot_be_added_names_the_field(
    email: str, password: str, role: str, field: str
) -> None:
    a_user("member", email="taken@example.com")
    with pytest.raises(people.Refused) as refused:
        people.create_user(email, password, role=role)
    assert refused.value.field == field
    assert db.session.scalars(select(User.email)).all() == ["taken@example.com"]


def test_a_new_password_ends_the_other_sessions() -> None:
    user = a_user()
    kept, other = sessions.start(user), sessions.start(user)
    people.set_password(user, PASSWORD, keep_session=kept)
    assert passwords.verify(PASSWORD, user.password_hash)
    assert sessions.user_of(kept) is user
    assert sessions.user_of(other) is None
    assert entry().details == {"sessions_ended": 1}


def test_a_bad_password_changes_nothing() -> None:
    user = a_user()
    token = sessions.start(user)
    with pytest.raises(people.Refused, match="at least 10"):
        people.set_password(user, "short")
    assert user.password_hash == "!"
    assert sessions.user_of(token) is user


def test_deactivating_shuts_out_and_is_written_down() -> None:
    admin, user = a_user("admin"), a_user("member")
    token = sessions.start(user)
    people.set_active(user, False, by=admin, address="192.0.2.7")
    assert sessions.user_of(token) is None
    assert (entry().event, entry().user_id, entry().address) == (
        "user_deactivated",
        admin.id,
        "192.0.2.7",
    )
    people.set_active(user, True, by=admin)
    assert user.active
    assert entry().event == "user_activated"


def test_a_change_of_role_says_from_what_to_what() -> None:
    admin, user = a_user("admin"), a_user("member")
    people.set_role(user, "manager", by=admin)
    assert user.can("contacts.delete")
    assert entry().details == {"before": "member", "after": "manager"}
    people.set_role(user, "manager", by=admin)
    assert len(db.session.scalars(select(AuditEntry)).all()) == 1


def test_the_last_admin_stays_admin_and_active() -> None:
    admin, former = a_user("admin", "Ada"), a_user("admin", "Grace", active=False)
    with pytest.raises(people.Refused, match="last admin"):
        people.set_role(admin, "member")
    with pytest.raises(people.Refused, match="last admin"):
        people.set_active(admin, False)
    assert (admin.role, admin.active) == ("admin", True)
    people.set_active(former, True)
    people.set_role(admin, "member")
    assert admin.role == "member"


def test_two_admins_cannot_demote_each_other_at_once(app: Flask) -> None:
    ids = [a_user("admin", "Ada").id, a_user("admin", "Grace").id]
    ready = threading.Barrier(2)

    def demote(user_id: int) -> None:
        with app.app_context():
            user = db.session.get_one(User, user_id)
            ready.wait(timeout=10)
            try:
                people.set_role(user, "member")
                db.session.commit()
            except people.Refused:
                db.session.rollback()

    threads = [
        threading.Thread(target=contextvars.Context().run, args=(demote, user_id))
        for user_id in ids
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    db.session.rollback()
    roles = db.session.scalars(
        select(User.role).where(User.id.in_(ids)).execution_options(populate_existing=True)
    ).all()
    assert sorted(roles) == ["admin", "member"]


@pytest.mark.parametrize(
    ("name", "zone", "field"), [("  ", None, "name"), ("Ada", "Europe/Atlantis", "timezone")]
)
def test_a_profile_needs_a_name_and_a_real_zone(name: str, zone: str | None, field: str) -> None:
    with pytest.raises(people.Refused) as refused:
        people.set_profile(a_user(), name=name, timezone=zone)
    assert refused.value.field == field


def test_preferences_are_set_one_by_one() -> None:
    user = a_user()
    people.set_preference(user, "density", "compact")
    people.set_preference(user, "columns", {"contacts": ["email", "city"]})
    people.set_preference(user, "density", "comfortable")
    assert user.preferences == {
        "density": "comfortable",
        "columns": {"contacts": ["email", "city"]},
    }
    assert user.preference("shortcuts", True) is True


@pytest.mark.parametrize("sign", ["\x00", "\x1b", "\x7f", "\x9b"])
def test_a_name_steers_no_terminal_and_breaks_no_table(sign: str) -> None:
    user = a_user("member", "Ada")
    with pytest.raises(people.Refused) as refused:
        people.set_profile(user, name=f"Ad{sign}a", timezone=None)
    assert (refused.value.field, user.name) == ("name", "Ada")
    with pytest.raises(people.Refused, match="control characters"):
        people.create_user("eve@example.com", PASSWORD, role="member", name=f"E{sign}ve")
    assert people.by_email("eve@example.com") is None


def test_a_name_is_one_line() -> None:
    user = a_user("member", "Ada")
    people.set_profile(user, name=" Ada\r\n  Lovelace ", timezone=None)
    assert user.name == "Ada Lovelace"
    with pytest.raises(people.Refused, match="Enter a name"):
        people.set_profile(user, name="\n \n", timezone=None)
