"""The first start: people who can sign in, and something to look at that really happened."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask_sqlalchemy.session import Session
from sqlalchemy import func, select
from sqlalchemy.orm import scoped_session

from massadmin import demo
from massadmin.auth import people, sign_in
from massadmin.auth.permissions import ROLES
from massadmin.config import Settings
from massadmin.embedded.passwords import ADMIN, FILE, how_to_sign_in
from massadmin.extensions import db
from massadmin.records.contacts import Contact
from massadmin.records.smart_lists import SmartList
from massadmin.runs.models import Run, RunResult
from tests.factories import a_user

pytestmark = pytest.mark.usefixtures("db_session")


@pytest.fixture
def fresh(settings: Settings) -> Iterator[Settings]:
    yield settings
    (settings.data_dir / FILE).unlink(missing_ok=True)


def passwords_in(folder: Path) -> dict[str, str]:
    """E-mail addresses and passwords as the file tells them."""
    lines = (folder / FILE).read_text().splitlines()
    return {words[0]: words[1] for line in lines if "@" in line for words in [line.split()]}


def test_the_demo_fills_a_new_installation_once(
    fresh: Settings, db_session: scoped_session[Session]
) -> None:
    demo.fill(fresh)
    assert {user.role for user in people.everybody()} == set(ROLES)
    assert db_session.scalar(select(func.count()).select_from(Contact)) == demo.CONTACTS
    assert db_session.scalar(select(func.count()).select_from(SmartList)) == 3
    runs = list(db_session.scalars(select(Run).order_by(Run.id)))
    assert {run.action for run in runs} == {
        "add_tags", "change_owner", "update_fields", "undo", "delete"
    }  # fmt: skip
    assert [run.state for run in runs] == [*["completed"] * 6, "paused"]
    mixed = runs[2]
    assert all((mixed.succeeded, mixed.skipped, mixed.failed)), "one of each, to look at"
    for run in runs[:-1]:
        results = select(func.count()).where(RunResult.run_id == run.id)
        assert db_session.scalar(results) == run.total > 0
    demo.fill(fresh)
    demo.first_admin(fresh)
    assert db_session.scalar(select(func.count()).select_from(Contact)) == demo.CONTACTS
    assert len(people.everybody()) == len(ROLES)


def test_everybody_of_the_demo_can_sign_in(fresh: Settings) -> None:
    demo._add_people(fresh, demo.PEOPLE)
    db.session.commit()
    path = fresh.data_dir / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = passwords_in(fresh.data_dir)
    assert set(found) == {person.email for person in demo.PEOPLE}
    assert len(set(found.values())) == len(found)
    for person in demo.PEOPLE:
        user = sign_in.check(person.email, found[person.email])
        assert user is not None
        assert user.role == person.role
    assert how_to_sign_in(fresh.data_dir) == f"Sign in as {ADMIN}; the password is in {path}"


def test_without_the_demo_there_is_one_admin(fresh: Settings) -> None:
    demo.first_admin(fresh)
    (user,) = people.everybody()
    assert (user.email, user.role) == (ADMIN, "admin")
    assert sign_in.check(ADMIN, passwords_in(fresh.data_dir)[ADMIN]) is not None


def test_an_installation_with_users_is_left_alone(
    fresh: Settings, db_session: scoped_session[Session]
) -> None:
    a_user("member")
    demo.first_admin(fresh)
    demo.fill(fresh)
    assert [user.role for user in people.everybody()] == ["member"]
    assert db_session.scalar(select(func.count()).select_from(Contact)) == 0
    assert how_to_sign_in(fresh.data_dir) == ""
