"""The trash: what lies in it, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from massadmin.extensions import db
from massadmin.records import deletion
from massadmin.records.contacts import Contact
from massadmin.records.deletion import days_left, purge_some, recent_deletions
from tests.factories import (
    a_user,
    contacts,
    run_action,
    some_contacts,
)

pytestmark = pytest.mark.usefixtures("db_session")

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "left"),
    [
        (timedelta(0), 60),
        (timedelta(minutes=1), 60),
        (timedelta(days=1), 59),
        (timedelta(days=48, hours=1), 12),
        (timedelta(days=59, hours=23), 1),
        (timedelta(days=60), 0),
        (timedelta(days=90), 0),
    ],
)
def test_days_left(age: timedelta, left: int) -> None:
    assert days_left(NOW - age, NOW) == left


def age(days: float, *ids: int) -> None:
    """Let records have been deleted so many days ago."""
    db.session.execute(
        text(
            "UPDATE contacts SET deleted_at = now() - make_interval(hours => :hours)"
            " WHERE id = ANY(:ids)"
        ),
        {"hours": int(days * 24), "ids": list(ids)},
    )
    db.session.commit()


def left() -> list[int]:
    db.session.rollback()
    return list(db.session.scalars(select(Contact.id).order_by(Contact.id)))


def test_who_is_being_restored_at_this_moment_is_not_purged() -> None:
    admin = a_user()
    ids = some_contacts(2)
    run_action("delete", admin, confirm="DELETE")
    age(61, *ids)
    with db.engine.connect() as other:
        other.execute(text("SELECT 1 FROM contacts WHERE id = :id FOR UPDATE"), {"id": ids[0]})
        assert purge_some(contacts(), 60, 10) == [ids[1]]
        db.session.commit()
    assert left() == [ids[0]]


def test_recent_deletions_are_the_newest_first_with_what_is_still_there() -> None:
    admin, manager = a_user(), a_user("manager")
    ids = some_contacts(6)
    first = run_action("delete", admin, f"id:lt:{ids[3]}", confirm="DELETE")
    second = run_action("delete", manager, f"id:is:{ids[3]}", confirm="DELETE")
    third = run_action("delete", admin, f"id:is:{ids[4]}", confirm="DELETE")
    run_action("restore", admin, f"id:one_of:{ids[0]}|{ids[4]}")
    found = recent_deletions(contacts(), admin, 5)
    assert [(each.run_id, each.count, each.deleted_by) for each in found] == [
        (second.id, 1, manager.id),
        (first.id, 2, admin.id),
    ]
    assert found[1].deleted_at >= first.created_at
    assert [each.run_id for each in recent_deletions(contacts(), admin, 1)] == [second.id]
    assert third.id not in {each.run_id for each in found}


def test_a_deletion_is_counted_no_further_than_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "COUNTED", 3)
    admin = a_user()
    some_contacts(9)
    run_action("delete", admin, confirm="DELETE")
    assert [each.count for each in recent_deletions(contacts(), admin, 5)] == [4]


def test_an_empty_trash_has_no_deletions() -> None:
    assert recent_deletions(contacts(), a_user(), 5) == []
