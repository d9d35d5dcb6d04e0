"""Fields that admins add to a module."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from massadmin.auth.audit import entries
from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records import custom_fields as custom
from massadmin.records.custom_fields import BadField
from massadmin.records.modules import CustomField
from massadmin.records.smart_lists import save_list
from tests.factories import a_user, contact, contacts, query, some_contacts

pytestmark = pytest.mark.usefixtures("db_session")


@pytest.fixture
def admin(db_session: Any) -> User:
    return a_user()


def add(admin: User, label: str, kind: str = "text", *choices: str) -> CustomField:
    field = custom.add_field(contacts(), label, kind, choices, admin)
    db.session.commit()
    return field


def keys() -> list[str]:
    return [field.key for field in contacts().custom_fields]


def set_value(contact_id: int, value: dict[str, Any]) -> None:
    db.session.execute(
        text("UPDATE contacts SET custom = CAST(:value AS jsonb) WHERE id = :id"),
        {"value": json.dumps(value), "id": contact_id},
    )
    db.session.commit()


def test_a_field_gets_a_plain_key_and_the_last_place(admin: User) -> None:
    add(admin, "Seats  sold", "number")
    add(admin, "名前")
    add(admin, "Tier", "choice", " Gold ", "Silver", "gold", "")
    assert keys() == ["custom.seats_sold", "custom.field", "custom.tier"]
    assert contacts().field("custom.seats_sold").label == "Seats sold"
    assert contacts().field("custom.tier").choices == ("Gold", "Silver")
    assert [entry.event for entry in entries()] == ["field_added"] * 3


@pytest.mark.parametrize(
    ("label", "kind", "choices", "about"),
    [
        (" ", "text", [], "label"),
        ("x" * 61, "text", [], "label"),
        ("e-MAIL", "text", [], "label"),
        ("Seats", "text", [], "label"),
        ("New", "tags", [], "type"),
        ("New", "choice", ["", " "], "choices"),
        ("New", "choice", ["a|b"], "choices"),
    ],
)
def test_what_is_refused(
    admin: User, label: str, kind: str, choices: list[str], about: str
) -> None:
    add(admin, "seats")
    with pytest.raises(BadField) as caught:
        custom.add_field(contacts(), label, kind, choices, admin)
    assert caught.value.about == about


def test_a_field_is_renamed_and_keeps_its_key_and_values(admin: User) -> None:
    field = add(admin, "Tier", "choice", "Gold")
    (one,) = some_contacts(1)
    set_value(one, {"tier": "Gold"})
    custom.change_field(contacts(), field, "Level", ["Silver"], admin)
    db.session.commit()
    assert contacts().field("custom.tier").label == "Level"
    assert contacts().field("custom.tier").choices == ("Silver",)
    assert contact(one).custom == {"tier": "Gold"}
    custom.change_field(contacts(), field, "LEVEL", ["Silver"], admin)
    with pytest.raises(BadField, match="already a field"):
        custom.change_field(contacts(), field, "City", ["Silver"], admin)


def test_fields_move_up_and_down_as_far_as_it_goes(admin: User) -> None:
    fields = [add(admin, name) for name in ("a", "b", "c")]
    for step, order in ((-1, "acb"), (-1, "cab"), (-1, "cab"), (1, "acb"), (1, "abc"), (1, "abc")):
        custom.move_field(contacts(), fields[2], step)
        db.session.commit()
        assert keys() == [f"custom.{key}" for key in order]


def test_deleting_takes_the_values_off_and_leaves_the_others(
    admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(custom, "STRIPPED_AT_ONCE", 2)
    field = add(admin, "Score", "number")
    add(admin, "Other")
    ids = some_contacts(6)
    for each in ids[:5]:
        set_value(each, {"score": 1, "other": "kept"})
    assert custom.count_values(contacts(), field) == 5
    assert custom.delete_field(contacts(), field, admin) == 5
    assert keys() == ["custom.other"]
    assert [contact(each).custom for each in ids] == [{"other": "kept"}] * 5 + [{}]
    (entry,) = entries(events=["field_deleted"])
    assert entry.details == {"key": "score", "type": "number", "values": 5}


def test_values_left_behind_do_not_come_back_in_a_new_field(admin: User) -> None:
    (one,) = some_contacts(1)
    set_value(one, {"score": "of old"})
    assert add(admin, "Score").key == "score_2"


def test_smart_lists_that_lean_on_a_field_are_named(admin: User) -> None:
    field = add(admin, "Score", "number")
    add(admin, "Score board")
    save_list(admin, contacts(), "Filters", query("status:is:Lead", "custom.score:gt:5"))
    save_list(admin, contacts(), "Sorts", query(), sort="-custom.score")
    save_list(admin, contacts(), "Neither", query("custom.score_board:is:custom.x"))
    assert custom.lists_with(contacts(), field) == ["Filters", "Sorts"]
