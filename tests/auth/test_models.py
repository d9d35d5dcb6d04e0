"""What the rows about people know by themselves."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from massadmin.auth.models import User
from tests.factories import a_user


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Ada Lovelace", "AL"),
        ("Ada Augusta King", "AK"),
        ("ada", "A"),
        ("(Dr.) Ada", "A"),
        ("Østen Ångström", "ØÅ"),
        ("李 明", "李明"),
        ("", "X"),
    ],
)
def test_initials(name: str, initials: str) -> None:
    assert User(name=name, email="x@example.com").initials == initials


def test_one_address_is_one_user_in_any_case(db_session: Any) -> None:
    a_user(email="ada@example.com")
    with pytest.raises(IntegrityError, match="uq_users_email_lower"):
        a_user(email="ADA@example.com")
    db_session.rollback()


def test_the_database_knows_the_roles(db_session: Any) -> None:
    with pytest.raises(IntegrityError, match="ck_users_role"):
        a_user("owner")
    db_session.rollback()
