"""The roles of the console, and what each may do."""

from __future__ import annotations

import pytest

from massadmin.auth.models import User
from massadmin.auth.permissions import (
    CONSOLE_PERMISSIONS,
    RECORD_VERBS,
    ROLE_HELP,
    ROLES,
    allows,
    known,
    matrix,
    sees_all_records,
)


def held(role: str) -> set[str]:
    everything = [f"contacts.{verb}" for verb in RECORD_VERBS] + list(CONSOLE_PERMISSIONS)
    return {each for each in everything if allows(role, each)}


def test_an_admin_holds_every_permission() -> None:
    assert len(held("admin")) == len(RECORD_VERBS) + len(CONSOLE_PERMISSIONS)


def test_a_manager_holds_all_but_people_and_settings() -> None:
    assert held("admin") - held("manager") == {"users.manage", "settings.manage"}


def test_a_support_lead_sees_trash_and_restores() -> None:
    assert held("support_lead") == {"contacts.view", "contacts.restore", "trash.view"}


def test_a_member_neither_deletes_nor_exports() -> None:
    assert held("member") == {"contacts.view", "contacts.edit", "contacts.tag", "contacts.import"}


def test_only_members_are_confined_to_their_own_records() -> None:
    confined = {role for role in ROLES if not sees_all_records(User(role=role))}
    assert confined == {"member"}


def test_record_permissions_hold_for_modules_yet_to_come() -> None:
    assert allows("manager", "opportunities.delete")
    assert not allows("member", "opportunities.delete")


@pytest.mark.parametrize(
    "permission", ["contacts.veiw", "contacts", "", ".view", "runs.view", "users.delete"]
)
def test_a_permission_nobody_could_hold_is_a_mistake(permission: str) -> None:
    assert not known(permission)
    with pytest.raises(ValueError, match="no permission"):
        allows("admin", permission)


def test_somebody_deactivated_may_do_nothing() -> None:
    assert User(role="admin", active=True).can("contacts.view")
    assert not User(role="admin", active=False).can("contacts.view")


def test_the_matrix_says_what_is_allowed() -> None:
    cells = {label: row for _, rows in matrix() for label, row in rows}
    assert len(cells) == len(RECORD_VERBS) + len(CONSOLE_PERMISSIONS)
    for key, label in CONSOLE_PERMISSIONS.items():
        assert cells[label] == [allows(role, key) for role in ROLES]
    for verb, label in RECORD_VERBS.items():
        assert cells[label] == [allows(role, f"contacts.{verb}") for role in ROLES]


def test_every_role_is_explained() -> None:
    assert set(ROLE_HELP) == set(ROLES)
