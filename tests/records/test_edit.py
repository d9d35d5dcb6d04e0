"""Editing one record: parsed, checked against what the page showed, kept in the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select

from massadmin.auth.models import AuditEntry, User
from massadmin.extensions import db
from massadmin.records.edit import (
    Edit,
    NotAllowed,
    Rejected,
    Stale,
    Typed,
    UnknownRecord,
    form_text,
    mark,
    save,
)
from massadmin.records.listing import one_record
from massadmin.records.modules import CustomField
from tests.factories import a_user, contact, contacts, run_action, some_contacts, tags_of

pytestmark = pytest.mark.usefixtures("db_session")


def put(
    user: User, record_id: int, seen: Mapping[str, str | None] | None = None, **texts: str
) -> Edit:
    """Save what was typed into a form that was opened now, or with the marks in `seen`."""
    module = contacts()
    typed = []
    for name, text in texts.items():
        key = name.replace("custom_", "custom.", 1)
        if seen is None:
            record = one_record(module, record_id, user) or {}
            opened = mark(form_text(module.field(key), record.get(key), user.zone))
        else:
            opened = seen[key]  # type: ignore[assignment]
        typed.append(Typed(key, text, opened))
    done = save(module, record_id, typed, user)
    db.session.commit()
    return done


def test_values_are_normalised_and_the_change_is_told() -> None:
    admin = a_user()
    one, other = some_contacts(2)
    done = put(
        admin, one, email="Ada@Example.COM", first_name="  Ada\u202e ", phone="+47 21 23 45 67"
    )
    assert done.before["email"] == "p1@example.com"
    assert done.after == {
        "email": "Ada@example.com",
        "first_name": "  Ada\u202e ",
        "phone": "+4721234567",
    }
    assert contact(one).first_name == "  Ada\u202e "
    assert contact(one).updated_at > contact(one).created_at
    assert contact(other).email == "p2@example.com"


def test_an_entry_in_the_audit_log_says_who_changed_what() -> None:
    admin = a_user(name="Ada Lovelace")
    (one,) = some_contacts(1)
    put(admin, one, city="Oslo")
    (entry,) = db.session.scalars(select(AuditEntry))
    assert (entry.event, entry.subject) == ("record_edited", f"contacts:{one}")
    assert entry.who.startswith("Ada Lovelace")
    # The log is for ever: it names what was changed, and holds nothing of the person.
    assert entry.details == {"fields": ["city"]}


def test_saving_what_is_there_already_changes_and_records_nothing() -> None:
    admin = a_user()
    (one,) = some_contacts(1, city="Oslo")
    was = contact(one).updated_at
    assert not put(admin, one, city="Oslo", dnd_email="no", owner_id="", tags="").changed
    assert contact(one).updated_at == was
    assert db.session.scalar(select(AuditEntry.id)) is None


def test_empty_text_empties_and_a_flag_is_never_empty() -> None:
    admin = a_user()
    (one,) = some_contacts(1, city="Oslo", dnd_email=True)
    put(admin, one, city="", dnd_email="")
    assert contact(one).city is None
    assert contact(one).dnd_email is False


def test_custom_fields_are_set_and_emptied_beside_each_other() -> None:
    admin = a_user()
    for key, kind in (("score", "number"), ("met", "date"), ("vip", "boolean")):
        db.session.add(CustomField(module="contacts", key=key, label=key, type=kind))
    (one,) = some_contacts(1)
    put(admin, one, custom_score="4.5", custom_met="2026-03-31", custom_vip="yes")
    assert contact(one).custom == {"score": 4.5, "met": "2026-03-31", "vip": True}
    done = put(admin, one, custom_score="", custom_vip="")
    assert contact(one).custom == {"met": "2026-03-31"}
    assert done.before == {"custom.score": 4.5, "custom.vip": True}
    assert done.after == {"custom.score": None, "custom.vip": None}


def test_tags_become_those_named_without_regard_to_case() -> None:
    admin = a_user()
    (one,) = some_contacts(1)
    put(admin, one, tags="vip, old")
    done = put(admin, one, tags="VIP, new")
    assert done.after == {"tags_added": ["new"], "tags_removed": ["old"]}
    assert tags_of(one) == ["new", "vip"]


def test_a_phone_number_is_read_in_the_country_of_the_record() -> None:
    admin = a_user()
    (one,) = some_contacts(1, country="NO")
    put(admin, one, phone="21 23 45 67")
    assert contact(one).phone == "+4721234567"
    put(admin, one, country="GB", phone="020 7946 0958")
    assert contact(one).phone == "+442079460958"


def test_the_country_of_a_record_may_be_written_as_a_name() -> None:
    admin = a_user()
    (one,) = some_contacts(1, country="Norge")
    put(admin, one, phone="21 23 45 67")
    assert contact(one).phone == "+4721234567"


def test_a_country_that_an_import_brought_stays_until_a_known_one_is_typed() -> None:
    admin = a_user()
    (one,) = some_contacts(1, country="Untied States")
    put(admin, one, country="Untied States", city="Boston")
    assert (contact(one).country, contact(one).city) == ("Untied States", "Boston")
    with pytest.raises(Rejected) as rejected:
        put(admin, one, country="Untied Staets")
    assert rejected.value.errors == {
        "country": "'Untied Staets' is no country, such as NO or Norway."
    }
    put(admin, one, country="united states")
    assert contact(one).country == "US"


def test_times_are_read_in_the_zone_of_the_person() -> None:
    admin = a_user(timezone="Asia/Tokyo")
    (one,) = some_contacts(1)
    put(admin, one, last_activity_at="2026-11-22T09:30")
    moment = contact(one).last_activity_at
    assert moment is not None
    assert moment.isoformat() == "2026-11-22T00:30:00+00:00"
    assert form_text(contacts().field("last_activity_at"), moment, admin.zone) == "2026-11-22T09:30"


def test_line_breaks_survive_a_form_which_sends_them_as_two_characters() -> None:
    admin = a_user()
    (one,) = some_contacts(1, company_name="Acme\nOslo")
    assert not put(admin, one, company_name="Acme\r\nOslo").changed
    put(admin, one, company_name="Acme\r\nBergen")
    assert contact(one).company_name == "Acme\nBergen"


def test_a_value_changed_meanwhile_is_not_overwritten_unseen() -> None:
    admin, manager = a_user(), a_user("manager")
    (one,) = some_contacts(1, city="Oslo")
    seen = {"city": mark("Oslo")}
    put(manager, one, city="Bergen")
    with pytest.raises(Stale) as caught:
        put(admin, one, seen, city="Tromsø")
    assert caught.value.current == {"city": "Bergen"}
    db.session.rollback()
    assert contact(one).city == "Bergen"


def test_a_field_left_alone_does_not_undo_what_somebody_else_did_to_it() -> None:
    admin, manager = a_user(), a_user("manager")
    (one,) = some_contacts(1, city="Oslo")
    seen = {"city": mark("Oslo"), "state": mark("")}
    put(manager, one, city="Bergen")
    done = put(admin, one, seen, city="Oslo", state="Vestland")
    assert done.after == {"state": "Vestland"}
    assert contact(one).city == "Bergen"


def test_two_who_made_the_same_change_agree() -> None:
    admin, manager = a_user(), a_user("manager")
    (one,) = some_contacts(1, city="Oslo")
    put(manager, one, city="Bergen")
    assert not put(admin, one, {"city": mark("Oslo")}, city="Bergen").changed


def test_all_or_nothing_is_saved_and_every_mistake_is_told() -> None:
    admin = a_user()
    (one,) = some_contacts(1)
    with pytest.raises(Rejected) as caught:
        put(admin, one, city="Oslo", email="nobody", dnd_sms="perhaps")
    assert set(caught.value.errors) == {"email", "dnd_sms"}
    db.session.rollback()
    assert contact(one).city is None


@pytest.mark.parametrize("value", ["999", "999999999999999999", "nobody"])
def test_an_owner_is_somebody_active(value: str) -> None:
    admin, gone = a_user(), a_user("manager", active=False)
    (one,) = some_contacts(1)
    for text in (value, str(gone.id)):
        with pytest.raises(Rejected):
            put(admin, one, owner_id=text)
        db.session.rollback()


def test_permission_is_asked_field_by_field() -> None:
    member = a_user("member")
    (one,) = some_contacts(1, owner_id=member.id)
    put(member, one, city="Oslo", tags="mine")
    with pytest.raises(NotAllowed, match="Owner"):
        put(member, one, owner_id="")
    with pytest.raises(NotAllowed, match="ID"):
        put(member, one, id="7")
    lead = a_user("support_lead")
    with pytest.raises(NotAllowed, match="City"):
        put(lead, one, city="Bergen")


def test_records_of_others_and_deleted_ones_are_unknown() -> None:
    admin, member = a_user(), a_user("member")
    theirs, mine = some_contacts(1)[0], some_contacts(1, owner_id=member.id)[0]
    typed = [Typed("city", "Oslo")]
    with pytest.raises(UnknownRecord):
        save(contacts(), theirs, typed, member)
    run_action("delete", admin, confirm="DELETE")
    for record_id in (theirs, mine, 10**15):
        with pytest.raises(UnknownRecord):
            save(contacts(), record_id, typed, admin)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("city", None, ""),
        ("dnd_email", None, "no"),
        ("dnd_email", True, "yes"),
        ("tags", ["a", "b"], "a, b"),
        ("owner_id", 7, "7"),
    ],
)
def test_what_a_form_shows(key: str, value: Any, text: str) -> None:
    assert form_text(contacts().field(key), value, "UTC") == text
