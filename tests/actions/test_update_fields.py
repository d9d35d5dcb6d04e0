"""Update fields."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from massadmin.actions.update_fields import MAX_CHANGES
from massadmin.extensions import db
from massadmin.records.modules import CustomField
from massadmin.runs.action import BadParams
from tests.factories import (
    a_user,
    contact,
    finished,
    reasons,
    results,
    run_action,
    some_contacts,
    start_action,
    tally,
    undo_run,
    world,
)

pytestmark = pytest.mark.usefixtures("db_session")


@pytest.fixture
def custom_fields(db_session: object) -> None:
    for key, kind, choices in (
        ("score", "number", []),
        ("size", "choice", ["S", "M", "L"]),
        ("met", "date", []),
        ("vegan", "boolean", []),
        ("note", "text", []),
    ):
        db.session.add(
            CustomField(module="contacts", key=key, label=key.title(), type=kind, choices=choices)
        )
    db.session.commit()


def test_several_fields_at_once_and_undo() -> None:
    admin = a_user()
    ids = some_contacts(3, city="Olso", phone="+4721234567", status="Lead")
    some_contacts(1, city="Oslo", status="Customer")
    before = world()
    run = run_action(
        "update_fields", admin, set__city="Oslo", clear="phone", set__status="customer"
    )
    assert tally(run) == (3, 1, 0)
    assert reasons(run) == {"": 3, "Already so": 1}
    changed = contact(ids[0])
    assert (changed.city, changed.phone, changed.status) == ("Oslo", None, "Customer")
    assert run.name == "Set City to Oslo; Set Status to Customer; Clear Phone" or (
        "Clear Phone" in run.name
    )
    assert tally(undo_run(run, admin)) == (3, 0, 0)
    assert world() == before


def test_find_and_replace_copy_and_flags() -> None:
    admin = a_user()
    ids = some_contacts(2, company_name="Acme Inc", dnd_email=False)
    before = world()
    run = run_action(
        "update_fields",
        admin,
        replace__email="@example.com=>@acme.example",
        copy__last_name="company_name",
        set__dnd_email="yes",
    )
    changed = contact(ids[1])
    assert changed.email == "p2@acme.example"
    assert changed.last_name == "Acme Inc"
    assert changed.dnd_email
    undo_run(run, admin)
    assert world() == before


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("number", {"set__custom.note": "soon", "set__city": "Oslo"}),
        ("boolean", {"set__custom.note": "yes", "set__city": "Oslo"}),
        ("date", {"copy__custom.note": "email", "set__city": "Oslo"}),
        ("number", {"replace__custom.note": "a=>b", "set__city": "Oslo"}),
    ],
)
def test_a_field_that_is_of_another_type_by_now_is_left_alone(
    custom_fields: None, kind: str, changes: dict[str, str]
) -> None:
    admin = a_user()
    [one] = some_contacts(1)
    run = start_action("update_fields", admin, **changes)
    db.session.execute(
        text("UPDATE custom_fields SET type = :kind WHERE key = 'note'"), {"kind": kind}
    )
    db.session.commit()
    assert tally(finished(run)) == (1, 0, 0)
    assert (contact(one).city, contact(one).custom) == ("Oslo", {})


def test_custom_fields_of_every_type(custom_fields: None) -> None:
    admin = a_user()
    (one,) = some_contacts(1)
    before = world()
    run = run_action(
        "update_fields",
        admin,
        **{
            "add__custom.score": "2.5",
            "set__custom.size": "m",
            "set__custom.met": "31.3.2026",
            "set__custom.vegan": "no",
            "copy__custom.note": "email",
        },
    )
    assert contact(one).custom == {
        "score": 2.5,
        "size": "M",
        "met": "2026-03-31",
        "vegan": False,
        "note": "p1@example.com",
    }
    more = run_action("update_fields", admin, **{"add__custom.score": "1", "clear": "custom.size"})
    assert contact(one).custom["score"] == 3.5
    assert "size" not in contact(one).custom
    undo_run(more, admin)
    undo_run(run, admin)
    assert world() == before


def test_undo_keeps_what_somebody_changed_since_field_by_field() -> None:
    admin = a_user()
    ids = some_contacts(3, city="Old", state="Old")
    run = run_action("update_fields", admin, set__city="New", set__state="New")
    db.session.execute(text("UPDATE contacts SET city = 'Mine' WHERE id = :id"), {"id": ids[0]})
    db.session.execute(
        text("UPDATE contacts SET city = 'Mine', state = 'Mine' WHERE id = :id"), {"id": ids[1]}
    )
    db.session.commit()
    undone = undo_run(run, admin)
    assert [(contact(each).city, contact(each).state) for each in ids] == [
        ("Mine", "Old"),
        ("Mine", "Mine"),
        ("Old", "Old"),
    ]
    assert reasons(undone) == {
        "Only partly: other fields were changed since": 1,
        "Changed since": 1,
        "": 1,
    }


def test_a_replacement_that_breaks_an_address_fails_with_that_reason() -> None:
    admin = a_user()
    ids = some_contacts(2)
    run = run_action("update_fields", admin, replace__email="p1@=>p1 at ")
    assert tally(run) == (0, 1, 1)
    assert reasons(run) == {"E-mail would not be an e-mail address": 1, "Already so": 1}
    assert contact(ids[0]).email == "p1@example.com"


def test_an_address_that_would_be_too_long_fails() -> None:
    admin = a_user()
    some_contacts(1)
    run = run_action("update_fields", admin, replace__email="p1=>" + "p" * 300)
    assert reasons(run) == {"E-mail would not be an e-mail address": 1}


def test_copying_from_an_empty_field_and_replacing_everything_leave_it_empty(
    custom_fields: None,
) -> None:
    admin = a_user()
    (record,) = some_contacts(1, city="Oslo", source="web")
    run_action("update_fields", admin, set__custom__note="old")
    before = world()
    run = run_action(
        "update_fields",
        admin,
        copy__city="state",
        replace__source="web=>",
        copy__custom__note="state",
    )
    assert tally(run) == (1, 0, 0)
    changed = contact(record)
    assert (changed.city, changed.source, changed.custom) == (None, None, {})
    undo_run(run, admin)
    assert world() == before


def test_as_many_custom_fields_as_fit_change_at_once_and_go_back() -> None:
    admin = a_user()
    some_contacts(2)
    keys = [f"k{number}" for number in range(MAX_CHANGES)]
    for key in keys:
        db.session.add(CustomField(module="contacts", key=key, label=key, type="text", choices=[]))
    db.session.commit()
    before = world()
    run = run_action("update_fields", admin, **{f"set__custom__{key}": key for key in keys})
    assert tally(run) == (2, 0, 0)
    assert contact(results(run)[0].item).custom == {key: key for key in keys}
    assert tally(undo_run(run, admin)) == (2, 0, 0)
    assert world() == before


def test_a_field_that_was_deleted_meanwhile_is_left_out(custom_fields: None) -> None:
    admin = a_user()
    ids = some_contacts(2)
    both = start_action("update_fields", admin, set__custom__note="x", set__city="Oslo")
    copied = start_action("update_fields", admin, copy__state="custom.note")
    db.session.execute(text("DELETE FROM custom_fields WHERE key = 'note'"))
    db.session.commit()
    assert tally(finished(both)) == (2, 0, 0)
    assert contact(ids[0]).custom == {}
    assert reasons(finished(copied)) == {"There is no such field any more": 2}


def test_results_hold_old_and_new_values() -> None:
    admin = a_user()
    some_contacts(1, city="Bergen")
    (result,) = results(run_action("update_fields", admin, set__city="Oslo"))
    assert (result.before, result.after) == ({"city": "Bergen"}, {"city": "Oslo"})


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"set__nonsense": "x"},
        {"set__email": "no address"},
        {"set__phone": "12"},
        {"set__city": ""},
        {"set__created_at": "2026-01-01"},
        {"set__owner_id": "1"},
        {"clear": "dnd_email"},
        {"set__time_zone": "Mars/Olympus"},
        {"set__country": "Atlantis"},
        {"copy__country": "city"},
        {"set__city": "a", "clear": "city"},
        {"copy__city": "nonsense"},
        {"copy__email": "city"},
        {"replace__city": "=>x"},
        {"set__city": "a\x00b"},
        {"set__city": "x" * 40_000},
    ],
)
def test_bad_settings_are_refused_with_words(params: dict[str, str]) -> None:
    admin = a_user()
    with pytest.raises(BadParams) as refused:
        run_action("update_fields", admin, **params)
    assert str(refused.value).endswith((".", "“Clear”."))


def test_a_country_becomes_its_code_and_a_zone_its_name() -> None:
    admin = a_user()
    ids = some_contacts(1)
    run_action("update_fields", admin, set__country="norway", set__time_zone="europe/oslo")
    assert (contact(ids[0]).country, contact(ids[0]).time_zone) == ("NO", "Europe/Oslo")


def test_replacing_makes_no_country_that_is_not_known() -> None:
    admin = a_user()
    mended, spoilt, other = (
        some_contacts(1, country=country)[0] for country in ("Norge", "Norge og Sverige", "Utopia")
    )
    run = run_action("update_fields", admin, replace__country="Norge=>NO")
    assert contact(mended).country == "NO"
    assert contact(spoilt).country == "Norge og Sverige"
    assert contact(other).country == "Utopia"
    refused = "Country would not be the code of a country"
    assert reasons(run) == {"": 1, refused: 1, "Already so": 1}
