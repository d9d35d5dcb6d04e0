"""Whom a file may name as owners."""

from __future__ import annotations

import pytest

from massadmin.imports.people import possible_owners
from tests.factories import a_user, contacts

pytestmark = pytest.mark.usefixtures("db_session")


def test_people_are_named_by_email_and_by_a_name_that_is_one_persons_only() -> None:
    admin = a_user("admin", "Ada Admin", email="ada@x.com")
    first = a_user("manager", "Sam Smith", email="sam1@x.com")
    second = a_user("manager", "Sam Smith", email="sam2@x.com")
    a_user("manager", "Gone Girl", email="gone@x.com", active=False)
    assert possible_owners(contacts(), admin) == {
        "ada@x.com": admin.id,
        "ada admin": admin.id,
        "sam1@x.com": first.id,
        "sam2@x.com": second.id,
    }


def test_who_may_not_assign_names_themselves_only() -> None:
    a_user("admin", "Ada Admin", email="ada@x.com")
    member = a_user("member", "Mel Member", email="mel@x.com")
    assert possible_owners(contacts(), member) == {"mel@x.com": member.id, "mel member": member.id}
