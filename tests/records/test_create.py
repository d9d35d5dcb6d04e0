"""Adding one record by hand."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from massadmin.auth.models import AuditEntry
from massadmin.extensions import db
from massadmin.records.contacts import Contact
from massadmin.records.create import create
from massadmin.records.edit import NotAllowed, Rejected
from massadmin.records.modules import CustomField
from massadmin.records.timeline import edits
from tests.factories import a_user, contact, contacts, tags_of

pytestmark = pytest.mark.usefixtures("db_session")


def test_every_kind_of_field_is_stored_as_it_is_read() -> None:
    admin, manager = a_user(), a_user("manager")
    db.session.add(CustomField(module="contacts", key="score", label="Score", type="number"))
    db.session.flush()
    typed = {
        "first_name": "Ada",
        "email": "Ada@Example.COM",
        "city": "",
        "owner_id": str(manager.id),
        "dnd_sms": "yes",
        "dnd_email": "no",
        "tags": "vip, new",
        "custom.score": "7",
    }
    record_id = create(contacts(), typed, admin)
    db.session.commit()
    made = contact(record_id)
    assert (made.first_name, made.email, made.city) == ("Ada", "Ada@example.com", None)
    assert (made.owner_id, made.dnd_sms, made.dnd_email) == (manager.id, True, False)
    assert made.custom == {"score": 7}
    assert tags_of(record_id) == ["new", "vip"]
    (edited,) = edits(contacts(), record_id, 10)
    assert edited.after["dnd_sms"] is True
    assert "dnd_email" not in edited.after
    (entry,) = db.session.scalars(select(AuditEntry))
    assert (entry.event, entry.subject) == ("record_created", f"contacts:{record_id}")
    assert set(entry.details) == {"fields"}
    assert {"email", "first_name", "tags", "custom.score"} <= set(entry.details["fields"])


@pytest.mark.parametrize("role", ["admin", "member"])
def test_it_belongs_to_whoever_made_it_unless_they_may_name_another(role: str) -> None:
    user, other = a_user(role, "Mona Maker"), a_user("manager")
    unnamed = create(contacts(), {"first_name": "Ada"}, user)
    named = create(contacts(), {"first_name": "Bo", "owner_id": str(other.id)}, user)
    db.session.commit()
    assert contact(unnamed).owner_id == user.id
    assert contact(named).owner_id == (other.id if role == "admin" else user.id)


def test_something_must_name_it() -> None:
    with pytest.raises(Rejected, match="at least one of First name"):
        create(contacts(), {"city": "Oslo", "first_name": ""}, a_user())


def test_mistakes_are_told_together_and_nothing_is_made() -> None:
    typed = {"email": "nobody", "phone": "12"}
    with pytest.raises(Rejected) as caught:
        create(contacts(), typed, a_user())
    assert set(caught.value.errors) == {"email", "phone"}
    assert db.session.scalar(select(func.count()).select_from(Contact)) == 0


def test_somebody_who_may_not_edit_may_not_add() -> None:
    with pytest.raises(NotAllowed):
        create(contacts(), {"first_name": "Ada"}, a_user("support_lead"))
