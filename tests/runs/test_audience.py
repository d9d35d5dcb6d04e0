"""Whom a bulk action is for."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from massadmin.extensions import db
from massadmin.runs.audience import of_results, tags_among
from tests.factories import a_user, audience, contacts, run_action, some_contacts, undo_run
from tests.reads import analyze, entries_read

pytestmark = pytest.mark.usefixtures("db_session")


def test_what_was_taken_back_is_looked_up_once_in_runs_that_nobody_analyzed() -> None:
    admin = a_user()
    ids = some_contacts(2_000)
    run_action("add_tags", admin, f"id:is:{ids[0]}", tags="old")
    analyze("run_results")
    run = run_action("add_tags", admin, tags="new")
    undo_run(run, admin)
    left = select(func.count()).select_from(of_results(run.id, "succeeded").ids.subquery())
    with entries_read("run_results") as read:
        assert db.session.scalar(left) == 0
        db.session.rollback()
    assert read.count < 10 * 2_000


def test_tags_that_nobody_analyzed_are_looked_up_record_by_record() -> None:
    admin = a_user()
    ids = some_contacts(2_000)
    run_action("add_tags", admin, f"id:is:{ids[0]}", tags="old")
    analyze("contacts", "contact_tags")
    run_action("add_tags", admin, tags="new,other")
    with entries_read("contact_tags") as read:
        found = tags_among(audience(admin), contacts())
        db.session.rollback()
    assert found == [("new", 2_000), ("other", 2_000), ("old", 1)]
    assert read.count < 10 * 2_000
