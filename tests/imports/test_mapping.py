"""Mapping columns to fields: proposed, changed by hand, remembered."""

from __future__ import annotations

import pytest

from massadmin import imports
from massadmin.extensions import db
from massadmin.imports.leaving import leave
from massadmin.imports.mapping import BadMapping, check_mapping, targets
from massadmin.records.modules import CustomField
from tests.factories import a_user, contacts
from tests.imports.files import staged

pytestmark = pytest.mark.usefixtures("db_session")
LINES = ("Mail address,Plan,Full name", "a@x.com,gold,Ada Lovelace")


def a_custom_field(key: str = "plan", type: str = "text", label: str = "Plan") -> None:
    db.session.add(CustomField(module="contacts", key=key, label=label, type=type))
    db.session.commit()


def test_columns_are_mapped_by_name_custom_fields_too() -> None:
    a_custom_field()
    file = staged(a_user(), "E-mail,Plan,Full name,Notes", "a@x.com,gold,Ada Lovelace,hello")
    assert file.mapping == ["email", "custom.plan", "name", None]


def test_by_hand_a_column_goes_elsewhere_and_the_guess_makes_way() -> None:
    user = a_user()
    file = staged(user, "Email,Old mail,City", "a@x.com,b@x.com,Oslo")
    imports.assign(file, contacts(), user, {"old MAIL": "E-mail", "City": ""})
    assert file.mapping == [None, "email", None]


@pytest.mark.parametrize("name", ["Full name", "full_NAME", "#3", "column 3"])
def test_a_column_is_found_by_its_name_or_number(name: str) -> None:
    user = a_user()
    file = staged(user, *LINES)
    imports.assign(file, contacts(), user, {name: "company_name"})
    assert file.mapping[2] == "company_name"


def test_a_field_is_found_by_key_label_or_other_name() -> None:
    user = a_user()
    a_custom_field("score", "number", "Score")
    for name in ("company_name", "Company", "organisation"):
        file = staged(user, *LINES)
        imports.assign(file, contacts(), user, {"Plan": name})
        assert file.mapping[1] == "company_name"
    imports.assign(file, contacts(), user, {"Plan": "score"})
    assert file.mapping[1] == "custom.score"


@pytest.mark.parametrize(
    ("header", "field", "named"),
    [
        ("Nowhere", "email", "Nowhere"),
        ("#4", "email", "#4"),
        ("Plan", "shoe_size", "shoe_size"),
        ("Plan", "created_at", "created_at"),
    ],
)
def test_what_is_unknown_is_named(header: str, field: str, named: str) -> None:
    user = a_user()
    file = staged(user, *LINES)
    with pytest.raises(BadMapping, match=named):
        imports.assign(file, contacts(), user, {header: field})


def test_a_mapping_is_remembered_per_user_and_header() -> None:
    user, other = a_user(), a_user("manager")
    file = staged(user, *LINES)
    before = list(file.mapping)
    imports.set_mapping(file, contacts(), user, [None, "source", "company_name"])
    assert staged(user, *LINES).mapping == [None, "source", "company_name"]
    assert staged(user, "mail ADDRESS,PLAN,full name", "x@y.z,,").mapping[1] == "source"
    assert staged(other, *LINES).mapping == before
    assert staged(user, "Mail address,Plan", "a@x.com,gold").mapping != [None, "source"]


def test_a_remembered_field_that_is_gone_is_left_out() -> None:
    user = a_user()
    a_custom_field()
    file = staged(user, *LINES)
    imports.set_mapping(file, contacts(), user, ["email", "custom.plan", None])
    db.session.query(CustomField).delete()
    db.session.commit()
    assert staged(user, *LINES).mapping == ["email", None, None]


def test_without_a_header_nothing_is_remembered() -> None:
    user = a_user()
    file = staged(user, "a,b", "c,d", has_header=False)
    imports.set_mapping(file, contacts(), user, ["city", "state"])
    assert staged(user, "a,b", "c,d", has_header=False).mapping == [None, None]


def test_all_columns_at_once_must_fit_the_file() -> None:
    user = a_user()
    file = staged(user, *LINES)
    with pytest.raises(BadMapping, match="2 columns; the file has 3"):
        imports.set_mapping(file, contacts(), user, ["email", None])
    with pytest.raises(BadMapping, match="deleted_at"):
        imports.set_mapping(file, contacts(), user, ["deleted_at", None, None])


def test_some_field_must_be_filled() -> None:
    check_mapping(contacts(), ["a", "b"], [None, "email"])
    for mapping in ([None, None], ["id", None]):
        with pytest.raises(BadMapping, match="No column"):
            check_mapping(contacts(), ["a", "b"], mapping)


def test_a_field_that_is_gone_is_named_by_its_column() -> None:
    with pytest.raises(BadMapping, match="The column “Plan” goes to a field that is not there"):
        check_mapping(contacts(), ["Mail", "Plan"], ["email", "custom.plan"])


def test_a_file_that_is_under_way_is_not_mapped() -> None:
    user = a_user()
    file = staged(user, *LINES)
    before = list(file.mapping)
    leave(file.id, "start", {})
    with pytest.raises(BadMapping, match="being read or imported"):
        imports.set_mapping(file, contacts(), user, ["city", None, None])
    db.session.rollback()
    db.session.refresh(file)
    assert (file.mapping, file.under_way) == (before, "start")


def test_targets_offer_what_an_import_can_write() -> None:
    offered = targets(contacts())
    assert list(offered)[:3] == ["first_name", "last_name", "name"]
    assert {"email", "tags", "owner_id", "id"} <= offered.keys()
    assert not {"created_at", "updated_at"} & offered.keys()
