"""Sessions live and die on the server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from massadmin.auth import sessions
from massadmin.auth.models import User, UserSession
from tests.factories import a_user

pytestmark = pytest.mark.usefixtures("db_session")


def signed_in(db_session: Any, role: str = "member", **columns: Any) -> tuple[User, str]:
    user = a_user(role, **columns)
    token = sessions.start(user, address="192.0.2.7", agent="Firefox")
    db_session.commit()
    return user, token


def age(db_session: Any, column: str, by: timedelta) -> None:
    db_session.execute(
        text(f"UPDATE user_sessions SET {column} = {column} - :by"),
        {"by": by},
    )
    db_session.commit()


def test_the_secret_finds_its_user_and_is_not_stored(db_session: Any) -> None:
    user, token = signed_in(db_session)
    found = sessions.user_of(token)
    assert found is user
    assert found.get_id() == token
    assert token not in db_session.scalars(select(UserSession.token_hash)).one()
    assert sessions.user_of(token[:-1] + "~") is None


def test_a_user_loaded_otherwise_has_no_secret_to_give_away(db_session: Any) -> None:
    with pytest.raises(LookupError):
        a_user().get_id()


def test_ending_a_session_ends_only_that_one(db_session: Any) -> None:
    user, first = signed_in(db_session)
    second = sessions.start(user)
    sessions.end(first)
    assert sessions.user_of(first) is None
    assert sessions.user_of(second) is user


def test_end_all_can_keep_one_and_spares_other_people(db_session: Any) -> None:
    user, first = signed_in(db_session)
    kept = sessions.start(user)
    _, others = signed_in(db_session, "manager")
    assert sessions.end_all(user, keep=kept) == 1
    assert sessions.user_of(first) is None
    assert sessions.user_of(kept) is user
    assert sessions.user_of(others) is not None
    assert sessions.end_all(user) == 1


def test_nobody_ends_a_session_of_somebody_else(db_session: Any) -> None:
    user, token = signed_in(db_session)
    stranger, _ = signed_in(db_session, "admin")
    (mine,) = sessions.of(user)
    assert not sessions.end_one(stranger, mine.id)
    assert sessions.user_of(token) is user
    assert sessions.end_one(user, mine.id)
    assert sessions.user_of(token) is None


@pytest.mark.parametrize(
    ("column", "limit"), [("last_seen_at", sessions.IDLE), ("created_at", sessions.LIFETIME)]
)
def test_a_session_ends_by_idling_and_by_age(
    db_session: Any, column: str, limit: timedelta
) -> None:
    user, token = signed_in(db_session)
    age(db_session, column, limit - timedelta(minutes=5))
    assert sessions.user_of(token) is user
    # The look above renewed `last_seen_at`, so idling starts anew.
    age(db_session, column, limit if column == "last_seen_at" else timedelta(minutes=6))
    assert sessions.user_of(token) is None
    assert sessions.of(user) == []
    assert sessions.purge() == 1


def test_being_seen_is_written_once_a_minute_only(db_session: Any) -> None:
    _, token = signed_in(db_session)
    age(db_session, "last_seen_at", timedelta(seconds=30))
    before = db_session.scalars(select(UserSession.last_seen_at)).one()
    sessions.user_of(token)
    assert db_session.scalars(select(UserSession.last_seen_at)).one() == before
    age(db_session, "last_seen_at", timedelta(seconds=40))
    sessions.user_of(token)
    db_session.expire_all()
    assert db_session.scalars(select(UserSession.last_seen_at)).one() > before


def test_a_deactivated_user_is_found_by_no_session(db_session: Any) -> None:
    user, token = signed_in(db_session)
    user.active = False
    db_session.commit()
    assert sessions.user_of(token) is None


def test_the_list_knows_which_one_is_mine(db_session: Any) -> None:
    user, token = signed_in(db_session)
    sessions.start(user)
    mine = [sessions.is_current(each, token) for each in sessions.of(user)]
    assert sorted(mine) == [False, True]
    assert not sessions.is_current(sessions.of(user)[0], None)
