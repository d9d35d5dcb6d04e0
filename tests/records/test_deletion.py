"""The trash: what lies in it, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records import deletion
from massadmin.records.contacts import Contact
from massadmin.records.deletion import days_left, purge_some, recent_deletions
from massadmin.records.filter_sql import where
from massadmin.records.filters import BadFilter
from massadmin.records.listing import Sort
from massadmin.records.modules import Module
from tests.factories import (
    a_user,
    contacts,
    query,
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
        assert list(purge_some(contacts(), 60, 10)) == [ids[1]]
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


def test_the_trash_is_filtered_by_who_deleted_and_when_and_live_lists_are_not() -> None:
    admin, manager = a_user(), a_user("manager")
    ids = some_contacts(4)
    run_action("delete", admin, f"id:one_of:{ids[0]}|{ids[1]}", confirm="DELETE")
    run_action("delete", manager, f"id:is:{ids[2]}", confirm="DELETE")
    age(10, ids[1])

    def found(*conditions: str, trash: bool = True) -> set[int]:
        clause = where(contacts(), query(*conditions, trash=trash), admin)
        return set(db.session.scalars(select(Contact.id).where(clause)))

    assert found("deleted_by:is:manager@example.com") == {ids[2]}
    assert found("deleted_at:older_days:9") == {ids[1]}
    assert query("deleted_by:is:me", trash=True).describe(contacts()) == "Deleted by is me"
    with pytest.raises(BadFilter):
        found("deleted_at:older_days:9", trash=False)


def test_the_trash_is_read_by_its_index() -> None:
    admin, trash = a_user(), contacts().in_trash()
    some_contacts(2)
    statement = list_statement(trash, admin)
    db.session.execute(text("SET LOCAL enable_seqscan = off"))
    plan = "\n".join(db.session.scalars(text("EXPLAIN " + statement)))
    assert "ix_contacts_deleted_at" in plan
    assert "Sort" not in plan


def list_statement(module: Module, user: User) -> str:
    """The SQL of a list of the trash, newest deletion first."""
    key = Sort.parse(module, "-deleted_at")
    order = module.field(key.field).sort_key(module.table)
    statement = (
        select(module.table.c.id)
        .where(where(module, query(trash=True), user))
        .order_by(order.desc(), module.table.c.id.desc())
    )
    return str(statement.compile(db.engine, compile_kwargs={"literal_binds": True}))
