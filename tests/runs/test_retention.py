"""Retention: what the clock removes for good."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, text

from massadmin.auth.models import AuditEntry
from massadmin.extensions import db
from massadmin.records.contacts import Contact
from massadmin.records.edit import Typed, save
from massadmin.records.timeline import edits
from massadmin.runs import retention
from massadmin.runs.models import RunResult
from massadmin.runs.retention import drop_old_results, purge_expired
from tests.factories import a_user, contacts, fresh, results, run_action, some_contacts, tally
from tests.reads import analyze, entries_read

pytestmark = pytest.mark.usefixtures("db_session")


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


def test_purging_removes_what_is_past_its_time_and_nothing_else() -> None:
    admin = a_user()
    ids = some_contacts(4)
    run_action("add_tags", admin, tags="vip")
    run_action("delete", admin, f"id:lt:{ids[3]}", confirm="DELETE")
    age(60.1, ids[0], ids[1])
    age(59.9, ids[2])
    assert purge_expired(60) == 2
    assert left() == ids[2:]
    assert db.session.scalar(text("SELECT count(*) FROM contact_tags")) == 2
    assert purge_expired(60) == 0


def test_purging_forgets_the_values_in_results_but_not_the_outcome() -> None:
    admin = a_user()
    ids = some_contacts(2, city="Rome")
    run = run_action("update_fields", admin, set__city="Oslo")
    deletion_run = run_action("delete", admin, f"id:is:{ids[0]}", confirm="DELETE")
    age(61, ids[0])
    purge_expired(60)
    db.session.expire_all()
    gone, kept = results(run)
    assert (gone.outcome, gone.before, gone.after) == ("succeeded", None, None)
    assert kept.before == {"city": "Rome"}
    assert tally(fresh(deletion_run)) == (1, 0, 0)


def test_purging_leaves_nothing_of_the_person_anywhere() -> None:
    admin = a_user()
    gone, live = some_contacts(2)
    secret = "Nobody Street"
    save(contacts(), gone, [Typed("city", secret), Typed("email", "one@example.com")], admin)
    db.session.commit()
    run_action("update_fields", admin, f"id:is:{gone}", set__state=secret)
    run_action("delete", admin, f"id:is:{gone}", confirm="DELETE")
    save(
        contacts(),
        live,
        [Typed("email", "one@example.com"), Typed("city", "Oslo"), Typed("state", "X")],
        admin,
    )
    db.session.commit()
    merge = run_action("restore", admin, on_conflict="merge")
    assert secret in str(results(merge)[0].after)
    age(61, gone)
    assert purge_expired(60) == 1
    tables = db.session.scalars(
        text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ).all()
    held = [
        table
        for table in tables
        if db.session.scalar(
            text(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE :word"),
            {"word": f"%{secret}%"},
        )
    ]
    # What was asked for is a setting of that run, and of nobody.
    assert held == ["runs"]
    assert [event.title for event in edits(contacts(), live, 10)] == ["Edited"]


def test_purging_goes_in_pieces_each_in_the_audit_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "RECORDS_AT_ONCE", 2)
    admin = a_user()
    ids = some_contacts(5)
    run_action("delete", admin, confirm="DELETE")
    age(61, *ids)
    assert purge_expired(60) == 5
    entries = db.session.scalars(
        select(AuditEntry).where(AuditEntry.event == "records.purged").order_by(AuditEntry.id)
    ).all()
    assert [(each.who, each.subject) for each in entries] == [("system", "contacts")] * 3
    assert [each.details["records"] for each in entries] == [2, 2, 1]


def test_results_of_old_runs_are_dropped_and_their_tallies_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "RESULTS_AT_ONCE", 2)
    admin = a_user()
    some_contacts(5)
    old = run_action("add_tags", admin, tags="old")
    recent = run_action("add_tags", admin, tags="new")
    db.session.execute(
        text("UPDATE runs SET finished_at = now() - interval '366 days' WHERE id = :id"),
        {"id": old.id},
    )
    db.session.commit()
    assert drop_old_results(365) == 5
    assert results(old) == []
    assert len(results(recent)) == 5
    assert tally(fresh(old)) == (5, 0, 0)
    assert drop_old_results(365) == 0
    dropped = select(func.count()).where(AuditEntry.event == "results.dropped")
    assert db.session.scalar(dropped) == 1


def test_results_that_nobody_analyzed_are_dropped_without_reading_all_for_each() -> None:
    admin = a_user()
    ids = some_contacts(2_000)
    run_action("add_tags", admin, f"id:is:{ids[0]}", tags="old")
    analyze("run_results")
    run_action("add_tags", admin, tags="new")
    with entries_read("run_results") as read:
        assert drop_old_results(-1) == 2_001
    assert read.count < 20 * 2_000


def test_results_of_a_run_that_still_goes_are_kept() -> None:
    admin = a_user()
    some_contacts(1)
    run = run_action("add_tags", admin, tags="old")
    db.session.execute(
        text(
            "UPDATE runs SET state = 'holding', finished_at = now() - interval '366 days'"
            " WHERE id = :id"
        ),
        {"id": run.id},
    )
    db.session.commit()
    assert drop_old_results(365) == 0
    assert db.session.scalar(select(func.count()).select_from(RunResult)) == 1
